import type { ByteReader } from '../byte-reader.ts';

/** A value or storage type: its encoding, and the size of its value in an object or on a stack. */
export interface ValueType {
  readonly bytes: Uint8Array;
  readonly size: number;
}

export interface FunctionType {
  readonly kind: 'function';
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  /**
   * Whether the type is final, has no supertype and is alone in its recursion group. An equal plain type elsewhere is
   * the same type.
   */
  readonly plain: boolean;
}

export interface StructType {
  readonly kind: 'struct';
  readonly fields: readonly ValueType[];
}

export interface ArrayType {
  readonly kind: 'array';
  readonly element: ValueType;
}

export type DefinedType = FunctionType | StructType | ArrayType;

/** Reads the type section, flattened over its recursion groups: the index in the result is the type index. */
export function readTypes(reader: ByteReader): DefinedType[] {
  const types: DefinedType[] = [];
  for (let groups = reader.count(); groups > 0; groups--) {
    if (reader.bytes[reader.offset] !== 0x4e) {
      types.push(readSubtype(reader, true));
      continue;
    }
    reader.u8();
    const members = reader.count();
    for (let member = 0; member < members; member++) types.push(readSubtype(reader, members === 1));
  }
  return types;
}

function readSubtype(reader: ByteReader, alone: boolean): DefinedType {
  let form = reader.u8();
  let plain = alone;
  if (form === 0x50 || form === 0x4f) {
    const supertypes = reader.count();
    for (let n = 0; n < supertypes; n++) reader.u32();
    plain &&= form === 0x4f && supertypes === 0;
    form = reader.u8();
  }
  if (form === 0x60) return { kind: 'function', parameters: readResult(reader), results: readResult(reader), plain };
  if (form === 0x5f) {
    const fields = Array.from({ length: reader.count(2) }, () => readField(reader));
    return { kind: 'struct', fields };
  }
  if (form === 0x5e) return { kind: 'array', element: readField(reader) };
  throw reader.malformed(`type form 0x${form.toString(16)} is not known`);
}

function readField(reader: ByteReader): ValueType {
  const type = readValueType(reader);
  reader.u8();
  return type;
}

function readResult(reader: ByteReader): ValueType[] {
  return Array.from({ length: reader.count() }, () => readValueType(reader));
}

const NUMERIC: ReadonlyMap<number, number> = new Map([
  [0x7f, 4],
  [0x7e, 8],
  [0x7d, 4],
  [0x7c, 8],
  [0x7b, 16],
  [0x78, 1],
  [0x77, 2],
]);
const NULLABLE = 0x63;
const NON_NULLABLE = 0x64;

/** Reads one value type or packed storage type. A reference counts 8 bytes. @throws {WasmError} for an unknown type */
export function readValueType(reader: ByteReader): ValueType {
  const start = reader.offset;
  const code = reader.u8();
  const size = NUMERIC.get(code) ?? 8;
  if (code === NULLABLE || code === NON_NULLABLE) readHeapType(reader);
  else if (!NUMERIC.has(code) && !isAbstractHeapType(code)) {
    throw reader.malformed(`value type 0x${code.toString(16)} is not known`);
  }
  return { bytes: reader.bytes.subarray(start, reader.offset), size };
}

/** Whether a code lies between `noexn` (0x74) and `exn` (0x69). */
function isAbstractHeapType(code: number): boolean {
  return code >= 0x69 && code <= 0x74;
}

function readHeapType(reader: ByteReader): void {
  const start = reader.offset;
  const type = reader.s33();
  if (type >= 0) return;
  if (reader.offset - start !== 1 || !isAbstractHeapType(type & 0x7f)) {
    throw reader.malformed(`heap type ${type} is not known`);
  }
}

/** The limits of a memory or table. */
export interface Limits {
  readonly minimum: bigint;
  readonly maximum: bigint | undefined;
  readonly is64: boolean;
  readonly shared: boolean;
}

/** Reads limits. @throws {WasmError} for unknown flags, including custom page sizes */
export function readLimits(reader: ByteReader): Limits {
  const flags = reader.u8();
  if (flags > 0x07) throw reader.malformed(`limits flags 0x${flags.toString(16)} are not known`);
  const minimum = reader.u64();
  const maximum = (flags & 1) === 0 ? undefined : reader.u64();
  return { minimum, maximum, is64: (flags & 4) !== 0, shared: (flags & 2) !== 0 };
}

export interface TableType {
  readonly element: ValueType;
  readonly limits: Limits;
}

export function readTableType(reader: ByteReader): TableType {
  return { element: readValueType(reader), limits: readLimits(reader) };
}
