import { ByteReader } from '../byte-reader.ts';
import { WasmError } from '../errors.ts';
import type { Component, Named } from './ast.ts';
import { ReadBudget } from './budget.ts';
import { checkNames } from './check-names.ts';
import type { Item } from './items.ts';
import { type LinkedComponent, linkComponent, linkWorld } from './link.ts';
import { readComponent } from './read-component.ts';
import { readCoreModule } from './read-core-module.ts';
import { isValueType } from './resolve-types.ts';
import type { Extern, ExternType, World } from './types.ts';

/**
 * Returns the imports and exports of a component with all types resolved.
 *
 * @throws {WasmError} `WASM_…`
 */
export function worldOf(component: Uint8Array): World {
  return toWorld(linkComponent(readChecked(component)));
}

/**
 * Returns the world of a WIT text before any component exists. The WIT compiler has embedded it in a core module
 * (`componentEmbed` with `dummy`).
 *
 * @throws {WasmError} `WASM_…`
 */
export function worldOfEmbedded(coreModule: Uint8Array): World {
  const { customs } = readCoreModule(new ByteReader(coreModule), new ReadBudget());
  const section = customs.find(({ name }) => name === 'component-type' || name.startsWith('component-type:'));
  if (section === undefined) throw new WasmError('WASM_UNSUPPORTED', 'the core module has no world embedded in it');
  return toWorld(linkWorld(readChecked(section.bytes)));
}

/** Reads a component and checks its names. With arbitrary names two interfaces could have the same text. */
function readChecked(bytes: Uint8Array): Component {
  const component = readComponent(bytes);
  checkNames(component);
  return component;
}

export function toWorld({ imports, exports }: Pick<LinkedComponent, 'imports' | 'exports'>): World {
  return { imports: imports.map(externOf), exports: exports.map(externOf) };
}

function externOf({ name, value }: Named<Item>): Extern {
  return { name, type: externTypeOf(value) };
}

function externTypeOf(item: Item): ExternType {
  if (item.sort === 'func') return item.type;
  if (item.sort === 'instance') {
    return { kind: 'instance', exports: [...item.exports].map(([name, value]) => externOf({ name, value })) };
  }
  if (item.sort === 'type' && (isValueType(item.type) || item.type.kind === 'resource')) {
    return { kind: 'type', type: item.type };
  }
  return { kind: 'other' };
}
