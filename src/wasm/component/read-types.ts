import type { ByteReader } from '../byte-reader.ts';
import type {
  CoreImport,
  CoreType,
  Declaration,
  ExternDescription,
  Named,
  PrimitiveType,
  TypeDefinition,
  ValueTypeRef,
} from './ast.ts';
import { readCoreDescription, readCoreImport } from './read-core-module.ts';
import { readAlias, readCoreSort } from './read-sorts.ts';
import { hex, readCoreName, readName, readVector, type Source, unsupported } from './source.ts';

const PRIMITIVES = new Map<number, PrimitiveType>([
  [0x7f, 'bool'],
  [0x7e, 's8'],
  [0x7d, 'u8'],
  [0x7c, 's16'],
  [0x7b, 'u16'],
  [0x7a, 's32'],
  [0x79, 'u32'],
  [0x78, 's64'],
  [0x77, 'u64'],
  [0x76, 'f32'],
  [0x75, 'f64'],
  [0x74, 'char'],
  [0x73, 'string'],
  [0x64, 'error-context'],
]);

/** Reads one type definition, by the opcodes of the component model's `Binary.md`. */
export function readType(source: Source): TypeDefinition {
  const { reader } = source;
  const at = reader.offset;
  const code = reader.u8();
  const primitive = PRIMITIVES.get(code);
  if (primitive !== undefined) return { kind: 'primitive', type: primitive };
  switch (code) {
    case 0x72:
      return { kind: 'record', fields: readVector(source, () => readLabelled(source)) };
    case 0x71:
      return { kind: 'variant', cases: readVector(source, () => readCase(source)) };
    case 0x70:
      return { kind: 'list', element: readValueType(reader), length: undefined };
    case 0x67:
      return { kind: 'list', element: readValueType(reader), length: reader.u32() };
    case 0x63:
      return { kind: 'map', key: readValueType(reader), element: readValueType(reader) };
    case 0x6f:
      return { kind: 'tuple', elements: readVector(source, () => readValueType(reader)) };
    case 0x6e:
      return { kind: 'flags', labels: readVector(source, () => readName(source)) };
    case 0x6d:
      return { kind: 'enum', labels: readVector(source, () => readName(source)) };
    case 0x6b:
      return { kind: 'option', element: readValueType(reader) };
    case 0x6a:
      return { kind: 'result', ok: readOptionalType(reader), error: readOptionalType(reader) };
    case 0x69:
      return { kind: 'own', resource: reader.u32() };
    case 0x68:
      return { kind: 'borrow', resource: reader.u32() };
    case 0x66:
      return { kind: 'stream', element: readOptionalType(reader) };
    case 0x65:
      return { kind: 'future', element: readOptionalType(reader) };
    case 0x40:
    case 0x43:
      return {
        kind: 'func',
        async: code === 0x43,
        params: readVector(source, () => readLabelled(source)),
        result: readResult(reader),
      };
    case 0x41:
    case 0x42:
      return {
        kind: code === 0x41 ? 'component' : 'instance',
        declarations: source.budget.nested(at, () => readVector(source, () => readDeclaration(source))),
      };
    case 0x3f:
      if (reader.u8() !== 0x7f) throw unsupported('a resource whose representation is not i32', at);
      return { kind: 'resource', destructor: readOptional(reader, () => reader.u32()) };
    default:
      throw unsupported(`a type with opcode ${hex(code)}`, at);
  }
}

/** Reads the description of an import, an export or a declaration of one. */
export function readExternDescription(reader: ByteReader): ExternDescription {
  const at = reader.offset;
  const code = reader.u8();
  switch (code) {
    case 0x00:
      if (reader.u8() !== 0x11) throw unsupported('a core item other than a module', at);
      return { kind: 'core module', type: reader.u32() };
    case 0x01:
      return { kind: 'func', type: reader.u32() };
    case 0x02: {
      const bound = reader.u8();
      if (bound === 0x00) return { kind: 'value', bound: { equal: reader.u32() } };
      if (bound === 0x01) return { kind: 'value', bound: { type: readValueType(reader) } };
      throw unsupported(`a value bound ${hex(bound)}`, at);
    }
    case 0x03: {
      const bound = reader.u8();
      if (bound === 0x00) return { kind: 'type', bound: { equal: reader.u32() } };
      if (bound === 0x01) return { kind: 'type', bound: 'resource' };
      throw unsupported(`a type bound ${hex(bound)}`, at);
    }
    case 0x04:
      return { kind: 'component', type: reader.u32() };
    case 0x05:
      return { kind: 'instance', type: reader.u32() };
    default:
      throw unsupported(`an external description ${hex(code)}`, at);
  }
}

/** What a name may be followed by: the interface that an instance implements, the rest of a version, and a name outside. */
const MOST_ATTRIBUTE_KIND = 0x02;

/** Reads the name of an import or export: a byte for its form, then the name. Attributes of a name mean nothing for what it names, and are skipped. */
export function readExternName(source: Source): string {
  const { reader } = source;
  const at = reader.offset;
  const form = reader.u8();
  if (form > 0x02) throw unsupported(`an import or export name of form ${hex(form)}`, at);
  const name = readName(source);
  if (form === 0x02) readVector(source, () => skipAttribute(source));
  return name;
}

function skipAttribute(source: Source): void {
  const { reader } = source;
  const at = reader.offset;
  const kind = reader.u8();
  if (kind > MOST_ATTRIBUTE_KIND) throw unsupported(`an attribute ${hex(kind)} of a name`, at);
  readName(source);
}

/** Reads a core type inside a component: the type of a module, or a core type. Only function types occur. */
export function readCoreType(source: Source): CoreType {
  const { reader } = source;
  const at = reader.offset;
  const code = reader.u8();
  if (code === 0x60) {
    readVector(source, () => skipCoreValueType(reader));
    readVector(source, () => skipCoreValueType(reader));
    return { kind: 'core' };
  }
  if (code !== 0x50) throw unsupported(`a core type with opcode ${hex(code)}`, at);
  const imports: CoreImport[] = [];
  const exports: string[] = [];
  source.budget.nested(at, () => readVector(source, () => readModuleDeclaration(source, imports, exports)));
  return { kind: 'module', imports, exports };
}

function readModuleDeclaration(source: Source, imports: CoreImport[], exports: string[]): void {
  const { reader } = source;
  const at = reader.offset;
  const kind = reader.u8();
  if (kind === 0x00) imports.push(readCoreImport(source));
  else if (kind === 0x01) readCoreType(source);
  else if (kind === 0x02) {
    readCoreSort(reader);
    if (reader.u8() !== 0x01) throw unsupported('a core alias that is not an outer one', at);
    reader.u32();
    reader.u32();
  } else if (kind === 0x03) {
    exports.push(readCoreName(source));
    readCoreDescription(reader);
  } else throw unsupported(`a declaration ${hex(kind)} in a module's type`, at);
}

function readDeclaration(source: Source): Declaration {
  const { reader } = source;
  const at = reader.offset;
  const kind = reader.u8();
  switch (kind) {
    case 0x00:
      return { kind: 'core type', type: readCoreType(source) };
    case 0x01:
      return { kind: 'type', type: readType(source) };
    case 0x02:
      return { kind: 'alias', alias: readAlias(source) };
    case 0x03:
      return { kind: 'import', name: readExternName(source), description: readExternDescription(reader) };
    case 0x04:
      return { kind: 'export', name: readExternName(source), description: readExternDescription(reader) };
    default:
      throw unsupported(`a declaration ${hex(kind)} in a type`, at);
  }
}

function readValueType(reader: ByteReader): ValueTypeRef {
  const at = reader.offset;
  const code = reader.bytes[at];
  const primitive = code === undefined || at >= reader.end ? undefined : PRIMITIVES.get(code);
  if (primitive !== undefined) {
    reader.u8();
    return primitive;
  }
  const index = reader.s33();
  if (index < 0) throw unsupported('a value type that is neither a primitive nor an index', at);
  return index;
}

function readLabelled(source: Source): Named<ValueTypeRef> {
  return { name: readName(source), value: readValueType(source.reader) };
}

function readCase(source: Source): Named<ValueTypeRef | undefined> {
  const { reader } = source;
  const name = readName(source);
  const value = readOptionalType(reader);
  const at = reader.offset;
  if (reader.u8() !== 0x00) throw unsupported('a variant case that refines another', at);
  return { name, value };
}

function readOptional<T>(reader: ByteReader, read: () => T): T | undefined {
  const present = reader.u8();
  if (present > 1) throw reader.malformed(`an optional item begins with ${hex(present)}`);
  return present === 1 ? read() : undefined;
}

function readOptionalType(reader: ByteReader): ValueTypeRef | undefined {
  return readOptional(reader, () => readValueType(reader));
}

export function readResult(reader: ByteReader): ValueTypeRef | undefined {
  const at = reader.offset;
  const form = reader.u8();
  if (form === 0x00) return readValueType(reader);
  if (form === 0x01 && reader.u8() === 0x00) return undefined;
  throw unsupported('a function with named results', at);
}

function skipCoreValueType(reader: ByteReader): void {
  const code = reader.u8();
  if (code === 0x63 || code === 0x64) reader.s33();
}
