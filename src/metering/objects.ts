import { coreModule } from '#wasm';
import { chargeLength } from './bulk.ts';
import type { MeteredBody } from './metered-body.ts';
import { elementBytes, exceptionBytes, objectBytes } from './object-size.ts';
import { Gc, Op } from './opcode.ts';

const { GC, Immediate } = coreModule;

/** Operators behind 0xfb: those that allocate are charged to the store's memory, before they run. */
export function gc(body: MeteredBody, at: number): void {
  const { reader } = body;
  const sub = reader.leb();
  const kind = GC[sub] ?? Immediate.unknown;
  if (kind === Immediate.unknown) throw reader.unknown(at, Op.gc, sub);
  body.pending += body.cost;
  if (sub === Gc.brOnCast || sub === Gc.brOnCastFail) {
    branchOnCast(body, sub);
    return;
  }
  const operands = reader.position;
  const first = kind === Immediate.none ? 0 : reader.leb();
  const second = kind === Immediate.twoLebs ? reader.leb() : 0;
  reader.position = operands;
  reader.skipKind(kind, Op.gc, at);
  const type = body.assembly.module.types[first];
  switch (sub) {
    case Gc.structNew:
    case Gc.structNewDefault:
      chargeBytes(body, objectBytes(type));
      break;
    case Gc.arrayNewFixed:
      chargeBytes(body, objectBytes(type, second));
      break;
    case Gc.arrayNew:
    case Gc.arrayNewDefault:
    case Gc.arrayNewData:
    case Gc.arrayNewElem:
      chargeLength(body, false, elementBytes(type));
      break;
    case Gc.arrayFill:
    case Gc.arrayCopy:
    case Gc.arrayInitData:
    case Gc.arrayInitElem:
      chargeLength(body, false, 0);
  }
  body.copy(at);
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

/** `throw`, `rethrow` and `throw_ref`: whoever catches finds the counter in the cell. */
export function throwException(body: MeteredBody, opcode: number): void {
  body.pending += body.cost;
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
