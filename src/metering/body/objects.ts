import { Effect, effectBehind } from '#metering/operators';
import { elementBytes, exceptionBytes, objectBytes } from '../object-size.ts';
import { Gc, Op } from '../opcode.ts';
import { chargeLength } from './bulk.ts';
import type { MeteredBody } from './metered-body.ts';

/** Rewrites operators behind 0xfb. Those that allocate are charged to the store's memory before they run. */
export function gc(body: MeteredBody, at: number): void {
  const { reader } = body;
  const sub = reader.leb();
  body.deferred += body.cost;
  switch (effectBehind(Op.gc, sub)) {
    case Effect.plain:
      break;
    case Effect.branch:
      branchOnCast(body, sub);
      return;
    case Effect.charge:
      chargeLength(body, false, 0);
      break;
    case Effect.allocate:
      allocate(body, sub, at);
      break;
    default:
      throw reader.unknown(at, Op.gc, sub);
  }
  reader.position = at + 1;
  reader.skipImmediates(Op.gc);
  body.copy(at);
}

function allocate(body: MeteredBody, sub: number, at: number): void {
  const { reader } = body;
  const type = body.assembly.module.types[reader.leb()];
  switch (sub) {
    case Gc.structNew:
    case Gc.structNewDefault:
      chargeBytes(body, objectBytes(type));
      return;
    case Gc.arrayNewFixed:
      chargeBytes(body, objectBytes(type, reader.leb()));
      return;
    case Gc.arrayNew:
    case Gc.arrayNewDefault:
    case Gc.arrayNewData:
    case Gc.arrayNewElem:
      chargeLength(body, false, elementBytes(type));
      return;
    default:
      throw reader.unknown(at, Op.gc, sub);
  }
}

function branchOnCast(body: MeteredBody, sub: number): void {
  const { reader } = body;
  const flags = reader.position++;
  const label = body.label(reader.leb());
  const types = reader.position;
  reader.skipLeb();
  reader.skipLeb();
  body.edge(label);
  body.op(Op.gc);
  body.u32(sub);
  body.op(body.bytes[flags] as number);
  body.u32(body.depth(label));
  body.copy(types);
}

/** Rewrites `throw`, `rethrow` and `throw_ref`. The handler finds the counter in the cell. */
export function throwException(body: MeteredBody, opcode: number): void {
  body.deferred += body.cost;
  body.payAndStore();
  const operand = opcode === Op.throwRef ? 0 : body.reader.leb();
  if (opcode === Op.throw) {
    const { module } = body.assembly;
    chargeBytes(body, exceptionBytes(body.assembly.types.at(module.tags[operand] as number)));
  }
  body.op(opcode);
  if (opcode === Op.throw) body.u32(operand);
  if (opcode === Op.rethrow) body.u32(body.depth(body.label(operand)));
}

function chargeBytes(body: MeteredBody, bytes: number): void {
  body.constant64(bytes);
  body.call(body.assembly.allocateHelper());
}
