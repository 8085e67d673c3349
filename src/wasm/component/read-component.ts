import { ByteReader } from '../byte-reader.ts';
import { WasmError } from '../errors.ts';
import type { Component, CoreInstanceExpression, CustomSection, Definition, InstanceExpression, Named } from './ast.ts';
import { ReadBudget } from './budget.ts';
import type { CoreNames } from './core-names.ts';
import { identify } from './identify.ts';
import { readCanon } from './read-canonical.ts';
import { readCoreModule, readCustom } from './read-core-module.ts';
import { readAlias, readCoreReference, readReference } from './read-sorts.ts';
import { readCoreType, readExternDescription, readExternName, readType } from './read-types.ts';
import { hex, readCoreName, readName, readVector, type Source, unsupported } from './source.ts';

const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00];

/**
 * Reads the structure of a component, including nested components and core modules. The input is attacker-controlled:
 * depth, counts and name lengths are bounded, and work and memory are linear in `bytes`. Nothing else is validated, so
 * indices may be out of range.
 *
 * @throws {WasmError} `WASM_NOT_A_COMPONENT`, `WASM_MALFORMED`, `WASM_TOO_LARGE`, `WASM_UNSUPPORTED`
 */
export function readComponent(bytes: Uint8Array): Component {
  return readWithCoreNames(bytes).component;
}

/**
 * Reads a component, and where its core items have names that the transpiler must not see. @throws as `readComponent`
 */
export function readWithCoreNames(bytes: Uint8Array): { readonly component: Component; readonly coreNames: CoreNames } {
  const identity = identify(bytes);
  if (identity.kind !== 'component') {
    throw new WasmError('WASM_NOT_A_COMPONENT', identity.sentence, { details: { kind: identity.kind } });
  }
  const budget = new ReadBudget();
  return { component: readNested(new ByteReader(bytes), budget), coreNames: budget.coreNames };
}

function readNested(reader: ByteReader, budget: ReadBudget): Component {
  const offset = reader.offset;
  for (const byte of PREAMBLE) {
    if (reader.u8() !== byte) throw reader.malformed('a nested component does not begin with its preamble');
  }
  const definitions: Definition[] = [];
  const customs: CustomSection[] = [];
  while (!reader.done) {
    budget.item(reader.offset);
    const id = reader.u8();
    const section = reader.sub(reader.u32());
    const source = { reader: section, budget };
    if (id === 0) customs.push(readCustom(source));
    else readSection(id, source, definitions);
    if (!section.done) throw section.malformed(`section ${id} continues after its contents`);
  }
  return { offset, definitions, customs };
}

function readSection(id: number, source: Source, definitions: Definition[]): void {
  const { reader, budget } = source;
  const each = (read: (offset: number) => Definition): void => {
    readVector(source, () => definitions.push(read(reader.offset)));
  };
  const { offset } = reader;
  switch (id) {
    case 1:
      definitions.push({ kind: 'core module', offset, module: readCoreModule(reader, budget) });
      break;
    case 2:
      each((offset) => ({ kind: 'core instance', offset, expression: readCoreInstance(source) }));
      break;
    case 3:
      each((offset) => ({ kind: 'core type', offset, type: readCoreType(source) }));
      break;
    case 4:
      definitions.push({
        kind: 'component',
        offset,
        component: budget.nested(offset, () => readNested(reader, budget)),
      });
      break;
    case 5:
      each((offset) => ({ kind: 'instance', offset, expression: readInstance(source) }));
      break;
    case 6:
      each((offset) => ({ kind: 'alias', offset, alias: readAlias(source) }));
      break;
    case 7:
      each((offset) => ({ kind: 'type', offset, type: readType(source) }));
      break;
    case 8:
      each((offset) => ({ kind: 'canon', offset, canon: readCanon(source) }));
      break;
    case 9:
      definitions.push({
        kind: 'start',
        offset,
        func: reader.u32(),
        args: readVector(source, () => reader.u32()),
        results: reader.u32(),
      });
      break;
    case 10:
      each((offset) => {
        return { kind: 'import', offset, name: readExternName(source), description: readExternDescription(reader) };
      });
      break;
    case 11:
      each((offset) => readExport(source, offset));
      break;
    default:
      throw unsupported(`a section with id ${id}`, offset);
  }
}

function readExport(source: Source, offset: number): Definition {
  const { reader } = source;
  const name = readExternName(source);
  const target = readReference(reader);
  const described = reader.u8();
  if (described > 1) throw reader.malformed(`an optional item begins with ${hex(described)}`);
  return {
    kind: 'export',
    offset,
    name,
    target,
    description: described === 1 ? readExternDescription(reader) : undefined,
  };
}

function readCoreInstance(source: Source): CoreInstanceExpression {
  const { reader } = source;
  const at = reader.offset;
  const kind = reader.u8();
  if (kind === 0x00) {
    const module = reader.u32();
    return { kind: 'instantiate', module, args: readVector(source, () => readCoreArgument(source)) };
  }
  if (kind === 0x01) {
    const exports = readVector(source, () => ({ name: readCoreName(source), value: readCoreReference(reader) }));
    return { kind: 'exports', exports };
  }
  throw unsupported(`a core instance of kind ${hex(kind)}`, at);
}

function readCoreArgument(source: Source): Named<number> {
  const name = readCoreName(source);
  const at = source.reader.offset;
  if (source.reader.u8() !== 0x12) throw unsupported('a core argument that is not an instance', at);
  return { name, value: source.reader.u32() };
}

function readInstance(source: Source): InstanceExpression {
  const { reader } = source;
  const at = reader.offset;
  const kind = reader.u8();
  if (kind === 0x00) {
    const component = reader.u32();
    return { kind: 'instantiate', component, args: readNamed(source, () => readReference(reader)) };
  }
  if (kind === 0x01) {
    const exports = readVector(source, () => ({ name: readExternName(source), value: readReference(reader) }));
    return { kind: 'exports', exports };
  }
  throw unsupported(`an instance of kind ${hex(kind)}`, at);
}

function readNamed<T>(source: Source, read: () => T): Named<T>[] {
  return readVector(source, () => ({ name: readName(source), value: read() }));
}
