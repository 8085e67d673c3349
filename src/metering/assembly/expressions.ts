import { type ByteReader, type ByteWriter, coreModule } from '#wasm';
import { Op } from '../opcode.ts';
import type { Assembly } from './assembly.ts';

const { Constant } = coreModule;

/** Rewrites a constant expression to the metered module's indices. `isPrivate`: a private table holds its result. */
export function rewriteExpression(assembly: Assembly, reader: ByteReader, writer: ByteWriter, isPrivate = false): void {
  for (const { opcode, start, end, index } of coreModule.readConstantExpression(reader)) {
    if (opcode === Constant.globalGet) writer.u8(Op.globalGet).u32(assembly.globalIndex(index));
    else if (opcode === Constant.refFunc) {
      writer.u8(Op.refFunc).u32(isPrivate ? assembly.registered(index) : assembly.reference(index));
    } else writer.raw(reader.bytes.subarray(start, end));
  }
  writer.u8(Op.end);
}
