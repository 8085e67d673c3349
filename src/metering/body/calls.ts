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
      body.noteCheck();
    } else throughRegister(body, assembly.importWrapper(callee, body.reservedLoops > 0));
    return;
  }
  const { weight, convention } = plan;
  if (weight > 0) {
    body.unseen += weight;
    if (body.unseen > LARGEST_WEIGHT && body.counts && body.cost > 0) {
      body.payAndCheck();
      body.noteCheck();
      body.unseen = weight;
    }
  }
  const index = assembly.functionIndex(callee);
  if (convention === 'untouched') {
    body.deferred += plan.entry;
    body.call(index);
  } else if (convention === 'register') {
    passCounter(body, index);
    if (weight === 0) body.noteCheck();
  } else {
    body.payAndStore();
    body.call(index);
    comeBack(body);
    body.noteCheck();
  }
}

/**
 * Checks the budget after a call that may have ended in the host: in mode `deadline` no check has followed that host
 * call.
 */
function comeBack(body: MeteredBody): void {
  body.load();
  if (body.cost === 0) body.check();
}

/** Calls a function of the `register` convention that checks the budget. */
export function throughRegister(body: MeteredBody, index: number): void {
  passCounter(body, index);
  body.noteCheck();
}

function passCounter(body: MeteredBody, index: number): void {
  body.getPaid();
  body.call(index);
  body.set();
}

/** Rewrites `call_indirect` and `return_call_indirect`. */
export function callIndirect(body: MeteredBody, opcode: number): void {
  const { assembly, reader } = body;
  const type = reader.leb();
  const table = reader.leb();
  const tail = opcode === Op.returnCallIndirect;
  body.deferred += body.cost;
  if (assembly.plan.privateTables.has(table)) {
    // The table index is on top of the operands, and the counter must lie below it.
    const index = body.putAside(assembly.module.tables[table]?.limits.is64 === true);
    body.getPaid();
    body.local(index);
    body.op(opcode);
    body.u32(assembly.types.withCounter(type));
    body.u32(table);
    if (tail) return;
    body.set();
    body.noteCheck();
    return;
  }
  storeCounter(body);
  body.op(opcode);
  body.u32(type);
  body.u32(table);
  if (!tail) comeBack(body);
}

/** Checks the budget and stores the counter in the cell, because the callee may be a host function. */
function storeCounter(body: MeteredBody): void {
  body.getPaid();
  body.call(body.assembly.storeHelper());
  body.noteCheck();
}

/** Rewrites `call_ref` and `return_call_ref`. */
export function callReference(body: MeteredBody, opcode: number): void {
  body.deferred += body.cost;
  storeCounter(body);
  body.op(opcode);
  body.u32(body.reader.leb());
  if (opcode === Op.callRef) comeBack(body);
}

export function returnCall(body: MeteredBody, callee: number): void {
  const { assembly } = body;
  body.deferred += body.cost;
  const plan = assembly.plan.functions[callee];
  if (plan === undefined) {
    storeCounter(body);
    body.call(assembly.room);
  } else if (plan.convention === 'register') body.getPaid();
  else if (plan.convention === 'cell') body.payAndStore();
  else {
    // An untouched function returns soon, so an ordinary call serves as well as a tail call.
    body.deferred += plan.entry;
    body.call(assembly.functionIndex(callee));
    body.leave();
    body.op(Op.return);
    return;
  }
  body.op(Op.returnCall);
  body.u32(assembly.functionIndex(callee));
}
