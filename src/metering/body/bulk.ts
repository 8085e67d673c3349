import { Effect, effectBehind } from '#metering/operators';
import { ARRAY_BASE } from '../object-size.ts';
import { Misc, Op } from '../opcode.ts';
import { throughRegister } from './calls.ts';
import type { MeteredBody } from './metered-body.ts';

/**
 * Rewrites operators behind 0xfc. Those that work on many bytes or elements are charged by their length before they
 * run.
 */
export function misc(body: MeteredBody, at: number): void {
  const { reader, assembly } = body;
  const sub = reader.leb();
  body.deferred += body.cost;
  switch (effectBehind(Op.misc, sub)) {
    case Effect.plain:
      break;
    case Effect.charge:
    case Effect.chargeTable:
      if (sub === Misc.tableGrow) {
        throughRegister(body, assembly.tableGrow(reader.leb()));
        return;
      }
      chargeLength(body, isLong(body, sub, at), 0);
      break;
    default:
      throw reader.unknown(at, Op.misc, sub);
  }
  reader.position = at + 1;
  reader.skipImmediates(Op.misc);
  body.copy(at);
}

/** Whether the operator's length operand is an i64. The reader stands before the operator's immediates. */
function isLong({ reader, assembly }: MeteredBody, sub: number, at: number): boolean {
  const { memories, tables } = assembly.module;
  const memory = (): boolean => memories[reader.leb()]?.is64 === true;
  const table = (): boolean => tables[reader.leb()]?.limits.is64 === true;
  switch (sub) {
    // A segment's length always fits in 32 bits.
    case Misc.memoryInit:
    case Misc.tableInit:
      return false;
    case Misc.memoryFill:
      return memory();
    case Misc.tableFill:
      return table();
    case Misc.memoryCopy:
      return memory() && memory();
    case Misc.tableCopy:
      return table() && table();
    default:
      throw reader.unknown(at, Op.misc, sub);
  }
}

/**
 * Charges the length on top of the stack before the operation. `elementBytes` is given when the operation allocates
 * elements of that size.
 */
export function chargeLength(body: MeteredBody, is64: boolean, elementBytes: number): void {
  const length = body.putAside(is64);
  body.getPaid();
  body.local(length);
  if (is64) saturate(body, length);
  else body.op(Op.i64ExtendI32U);
  body.op(Op.i64Sub);
  body.checkTop();
  body.noteCheck();
  if (elementBytes > 0) {
    body.local(length);
    body.op(Op.i64ExtendI32U);
    body.constant64(elementBytes);
    body.op(Op.i64Mul);
    body.constant64(ARRAY_BASE);
    body.op(Op.i64Add);
    body.call(body.assembly.allocateHelper());
  }
  body.local(length);
}

const MOST = Uint8Array.of(Op.i64Const, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00);

/** Writes min(length, 2^62), so that no 64-bit length makes the counter wrap around. */
function saturate(body: MeteredBody, length: number): void {
  body.append(MOST);
  body.local(length);
  body.append(MOST);
  body.op(Op.i64LtU);
  body.op(Op.select);
}
