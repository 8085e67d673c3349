import { HOST_CALL_COST, LARGEST_WEIGHT } from '#metering/plan';
import { Op as Opcodes } from '../opcode.ts';
import type { MeteredBody } from './metered-body.ts';

const Op = Opcodes;

export function call(body: MeteredBody, callee: number): void {
  const { assembly } = body;
  const plan = assembly.plan.functions[callee];
  if (plan === undefined) {
    if (body.inHostLoop) {
      body.call(callee);
      body.payInCell(HOST_CALL_COST);
      body.look();
    } else throughRegister(body, assembly.importWrapper(callee, body.roomyLoops > 0));
    return;
  }
  const { weight, convention } = plan;
  if (weight > 0) {
    body.unseen += weight;
    if (body.unseen > LARGEST_WEIGHT && body.counts && body.cost > 0) {
      body.payAndCheck();
      body.look();
      body.unseen = weight;
    }
  }
  const index = assembly.functionIndex(callee);
  if (convention === 'untouched') {
    body.pending += plan.entry;
    body.call(index);
  } else if (convention === 'register') {
    passCounter(body, index);
    if (weight === 0) body.look();
  } else {
    body.payAndStore();
    body.call(index);
    comeBack(body);
    body.look();
  }
}

/** Behind what may have called the host last: in mode `deadline` nobody has looked since. */
function comeBack(body: MeteredBody): void {
  body.load();
  if (body.cost === 0) body.check();
}

/** Calls a function of the `register` convention that looks at the budget. */
export function throughRegister(body: MeteredBody, index: number): void {
  passCounter(body, index);
  body.look();
}

function passCounter(body: MeteredBody, index: number): void {
  body.getPaid();
  body.call(index);
  body.set();
}

/** `call_indirect` and `return_call_indirect`. */
export function callIndirect(body: MeteredBody, opcode: number): void {
  const { assembly, reader } = body;
  const type = reader.leb();
  const table = reader.leb();
  const tail = opcode === Op.returnCallIndirect;
  body.pending += body.cost;
  if (assembly.plan.privateTables.has(table)) {
    // The table index is on top of the operands, the counter belongs below it.
    const index = body.putAside(assembly.module.tables[table]?.limits.is64 === true);
    body.getPaid();
    body.local(index);
    body.op(opcode);
    body.u32(assembly.types.withCounter(type));
    body.u32(table);
    if (tail) return;
    body.set();
    body.look();
    return;
  }
  hand(body);
  body.op(opcode);
  body.u32(type);
  body.u32(table);
  if (!tail) comeBack(body);
}

/** Looks at the budget and leaves the counter in the cell, for what may be a function of the host. */
function hand(body: MeteredBody): void {
  body.getPaid();
  body.call(body.assembly.handHelper());
  body.look();
}

/** `call_ref` and `return_call_ref`. */
export function callReference(body: MeteredBody, opcode: number): void {
  body.pending += body.cost;
  hand(body);
  body.op(opcode);
  body.u32(body.reader.leb());
  if (opcode === Op.callRef) comeBack(body);
}

export function returnCall(body: MeteredBody, callee: number): void {
  const { assembly } = body;
  body.pending += body.cost;
  const plan = assembly.plan.functions[callee];
  if (plan === undefined) {
    hand(body);
    body.call(assembly.room);
  } else if (plan.convention === 'register') body.getPaid();
  else if (plan.convention === 'cell') body.payAndStore();
  else {
    // What is untouched returns to its caller at once: an ordinary call is as good.
    body.pending += plan.entry;
    body.call(assembly.functionIndex(callee));
    body.leave();
    body.op(Op.return);
    return;
  }
  body.op(Op.returnCall);
  body.u32(assembly.functionIndex(callee));
}
