import type { ByteReader } from '../byte-reader.ts';
import { GC, Immediate, PLAIN, VECTOR } from './operators.ts';

/** One operator of a constant expression. A prefixed opcode is stored as `prefix * 0x1000 + opcode`. */
export interface ConstantOperator {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
  /** The first immediate, if it is an index. */
  readonly index: number;
  /** The value of `i32.const` and `i64.const`. */
  readonly value: bigint;
}

export const Constant = {
  end: 0x0b,
  globalGet: 0x23,
  i32Const: 0x41,
  i64Const: 0x42,
  refNull: 0xd0,
  refFunc: 0xd2,
  arrayNew: 0xfb006,
  arrayNewDefault: 0xfb007,
  arrayNewFixed: 0xfb008,
  structNew: 0xfb000,
  structNewDefault: 0xfb001,
} as const;

/** Reads the operators up to and without the closing `end`. @throws {WasmError} for an unknown operator */
export function readConstantExpression(reader: ByteReader): ConstantOperator[] {
  const operators: ConstantOperator[] = [];
  for (;;) {
    const start = reader.offset;
    let opcode = reader.u8();
    if (opcode === Constant.end) return operators;
    let kind = PLAIN[opcode] as number;
    if (kind === Immediate.prefix) {
      const sub = reader.u32();
      kind = (opcode === 0xfb ? GC[sub] : opcode === 0xfd ? VECTOR[sub] : undefined) ?? Immediate.unknown;
      opcode = opcode * 0x1000 + sub;
    }
    let index = 0;
    let value = 0n;
    if (opcode === Constant.i32Const || opcode === Constant.i64Const) value = reader.s64();
    else if (opcode === Constant.refNull) reader.s33();
    else if (kind === Immediate.leb) index = reader.u32();
    else if (kind === Immediate.twoLebs) {
      index = reader.u32();
      value = reader.u64();
    } else if (kind === Immediate.bytes4) reader.skip(4);
    else if (kind === Immediate.bytes8) reader.skip(8);
    else if (kind === Immediate.bytes16) reader.skip(16);
    else if (kind !== Immediate.none) {
      throw reader.malformed(`operator 0x${opcode.toString(16)} is not known in a constant expression`);
    }
    operators.push({ opcode, start, end: reader.offset, index, value });
  }
}
