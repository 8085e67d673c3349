import { ByteWriter } from '#wasm';

/** Opcodes that adapters use; numbers from the core specification's binary format. */
export const Op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  return: 0x0f,
  select: 0x1b,
  loadI32: 0x28,
  loadI64: 0x29,
  loadByte: 0x2d,
  storeI32: 0x36,
  storeI64: 0x37,
  storeByte: 0x3a,
  storeShort: 0x3b,
  eqz: 0x45,
  equal: 0x46,
  lessThan: 0x49,
  greaterThan: 0x4b,
  greaterI64: 0x56,
  add: 0x6a,
  sub: 0x6b,
  and: 0x71,
  or: 0x72,
  addI64: 0x7c,
  shiftLeftI64: 0x86,
  shiftRightI64: 0x88,
  wrap: 0xa7,
  extend: 0xad,
} as const;

const I32 = 0x7f;
const I64 = 0x7e;
const EMPTY = 0x40;
const PAGE_BITS = 16n;

/** A bare opcode, or the bytes of an operator with its immediates. */
export type Operator = number | Uint8Array;

const operator = (opcode: number): ByteWriter => new ByteWriter(12).u8(opcode);

export const get = (local: number): Operator => operator(0x20).u32(local).finish();
export const set = (local: number): Operator => operator(0x21).u32(local).finish();
export const tee = (local: number): Operator => operator(0x22).u32(local).finish();
export const i32 = (value: number): Operator => operator(0x41).s32(value).finish();
export const i64 = (value: bigint): Operator => operator(0x42).s64(value).finish();
export const call = (index: number): Operator => operator(0x10).u32(index).finish();
export const branch = (opcode: typeof Op.br | typeof Op.brIf, label: number): Operator =>
  operator(opcode).u32(label).finish();
export const begin = (opcode: typeof Op.block | typeof Op.loop | typeof Op.if): Operator =>
  operator(opcode).u8(EMPTY).finish();
/** A load or store with an alignment hint of one byte, which promises nothing. */
export const memory = (opcode: number, offset = 0): Operator => operator(opcode).u8(0).u32(offset).finish();

/** The memory's size in bytes, as an i64. */
export const MEMORY_BYTES: readonly Operator[] = [Uint8Array.of(0x3f, 0), Op.extend, i64(PAGE_BITS), Op.shiftLeftI64];

/** Whether the bytes at the pointer in one local, whose number is in another local, end outside of memory. */
export function outside(pointer: number, length: number): readonly Operator[] {
  return [get(pointer), Op.extend, get(length), Op.extend, Op.addI64, ...MEMORY_BYTES, Op.greaterI64];
}

/** Writes the body of a function. @param locals how many locals of each type it has besides its parameters */
export function body(
  locals: { readonly i32?: number; readonly i64?: number },
  operators: readonly Operator[],
): Uint8Array {
  const out = new ByteWriter(128);
  const groups: [number, number][] = [];
  if (locals.i32 !== undefined) groups.push([locals.i32, I32]);
  if (locals.i64 !== undefined) groups.push([locals.i64, I64]);
  out.u32(groups.length);
  for (const [count, type] of groups) out.u32(count).u8(type);
  for (const each of operators) typeof each === 'number' ? out.u8(each) : out.raw(each);
  return out.u8(Op.end).finish();
}
