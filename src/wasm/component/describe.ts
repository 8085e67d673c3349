import type { Component } from './ast.ts';
import { asynchronousParts, type UnsupportedFeature, unsupportedFeatures } from './features.ts';
import { readComponent } from './read-component.ts';

export interface CoreModuleSummary {
  readonly bytes: number;
  /** The number of functions that the module defines itself. */
  readonly functions: number;
  /** The sum of the minimum sizes of the memories that the module defines itself. */
  readonly initialMemoryBytes: number;
}

export interface ExternSummary {
  /** `ns:package/interface@1.0.0`, or the plain name of a function or type. */
  readonly name: string;
  readonly kind: 'func' | 'instance' | 'type' | 'component' | 'core module' | 'value';
}

export interface ComponentSummary {
  readonly kind: 'component';
  /** The imports. Types that the component imports by name are left out, because nobody has to supply them. */
  readonly imports: readonly ExternSummary[];
  readonly exports: readonly ExternSummary[];
  /** All core modules in the order of the file, including those of nested components. */
  readonly coreModules: readonly CoreModuleSummary[];
  readonly unsupported: readonly UnsupportedFeature[];
  /** Names of what it uses of the component model's asynchronous part; empty for a synchronous component. */
  readonly asynchronous: readonly string[];
}

/**
 * Describes a component: what it imports, exports and contains.
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
    asynchronous: asynchronousParts(component),
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
