import type { Component } from './ast.ts';
import { type UnsupportedFeature, unsupportedFeatures } from './features.ts';
import { readComponent } from './read-component.ts';

export interface CoreModuleSummary {
  readonly bytes: number;
  /** Functions that the module defines itself. */
  readonly functions: number;
  /** Sum of the least sizes of the memories that the module defines itself. */
  readonly initialMemoryBytes: number;
}

export interface ExternSummary {
  /** `ns:package/interface@1.0.0`, or a function's or type's plain name. */
  readonly name: string;
  readonly kind: 'func' | 'instance' | 'type' | 'component' | 'core module' | 'value';
}

export interface ComponentSummary {
  readonly kind: 'component';
  /** Types that the component imports by name from nobody are left out: they need no giver. */
  readonly imports: readonly ExternSummary[];
  readonly exports: readonly ExternSummary[];
  /** All core modules, those of nested components included, in the order of the file. */
  readonly coreModules: readonly CoreModuleSummary[];
  readonly unsupported: readonly UnsupportedFeature[];
}

/**
 * What a component is, asks for and offers.
 *
 * @throws {WasmError} `WASM_NOT_A_COMPONENT`, `WASM_MALFORMED`, `WASM_TOO_LARGE`, `WASM_UNSUPPORTED`
 */
export function describeComponent(bytes: Uint8Array): ComponentSummary {
  const component = readComponent(bytes);
  const imports: ExternSummary[] = [];
  const exports: ExternSummary[] = [];
  for (const definition of component.definitions) {
    if (definition.kind === 'import') imports.push({ name: definition.name, kind: definition.description.kind });
    if (definition.kind === 'export') exports.push({ name: definition.name, kind: kindOfSort(definition.target.sort) });
  }
  return {
    kind: 'component',
    imports: imports.filter(({ kind }) => kind !== 'type'),
    exports: exports.filter(({ kind }) => kind !== 'type'),
    coreModules: coreModulesOf(component),
    unsupported: unsupportedFeatures(component),
  };
}

function kindOfSort(sort: string): ExternSummary['kind'] {
  return sort.startsWith('core ') ? 'core module' : (sort as ExternSummary['kind']);
}

function coreModulesOf(component: Component): CoreModuleSummary[] {
  return component.definitions.flatMap((definition) => {
    if (definition.kind === 'component') return coreModulesOf(definition.component);
    if (definition.kind !== 'core module') return [];
    const { bytes, functions, initialMemoryBytes } = definition.module;
    return [{ bytes: bytes.length, functions, initialMemoryBytes }];
  });
}
