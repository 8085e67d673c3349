import { coreModule } from '#wasm';
import { throughRegister } from './calls.ts';
import type { MeteredBody } from './metered-body.ts';
import { ARRAY_BASE } from './object-size.ts';
import { Misc, Op } from './opcode.ts';

const { Immediate, MISC } = coreModule;

/** Operators behind 0xfc: those on many bytes or elements are charged by their length, before they run. */
export function misc(body: MeteredBody, at: number): void {
  const { reader, assembly } = body;
  const sub = reader.leb();
  const kind = MISC[sub] ?? Immediate.unknown;
  if (kind === Immediate.unknown) throw reader.unknown(at, Op.misc, sub);
  const { memories, tables } = assembly.module;
  body.pending += body.cost;
  const first = kind === Immediate.none ? 0 : reader.leb();
  const second = kind === Immediate.twoLebs ? reader.leb() : 0;
  const is64 = (n: number): boolean => (sub < Misc.tableInit ? memories[n]?.is64 : tables[n]?.limits.is64) === true;
  switch (sub) {
    case Misc.memoryInit:
    case Misc.tableInit:
      chargeLength(body, false, 0);
      break;
    case Misc.memoryFill:
    case Misc.tableFill:
      chargeLength(body, is64(first), 0);
      break;
    case Misc.memoryCopy:
    case Misc.tableCopy:
      chargeLength(body, is64(first) && is64(second), 0);
      break;
    case Misc.tableGrow:
      throughRegister(body, assembly.tableGrow(first));
      return;
  }
  body.copy(at);
}

/** Charges the length on top of the stack before the operation; `elementBytes` when it allocates that many of them. */
export function chargeLength(body: MeteredBody, is64: boolean, elementBytes: number): void {
  const length = body.putAside(is64);
  body.getPaid();
  body.local(length);
  if (is64) saturate(body, length);
  else body.op(Op.i64ExtendI32U);
  body.op(Op.i64Sub);
  body.checkTop();
  body.look();
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

/** min(length, 2^62), so that no 64-bit length wraps the counter around. */
function saturate(body: MeteredBody, length: number): void {
  body.append(MOST);
  body.local(length);
  body.append(MOST);
  body.op(Op.i64LtU);
  body.op(Op.select);
}
