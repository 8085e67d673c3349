import { type FunctionPlan, HOST_CALL_COST } from '#metering/plan';
import { WAIT, YIELD } from '../hooks.ts';
import { EMPTY, I32, I64, Op } from '../opcode.ts';
import { AppendedBody } from './appended-functions.ts';
import { bytesOf, type IndexSpaces } from './index-spaces.ts';

/** Starts a body that declares no locals. */
const body = (): AppendedBody => new AppendedBody().u8(0);

/**
 * Calls `refill` when the counter on the stack is negative. The function suspends the stack when the tank asks it to
 * yield, and traps when the tank refuses.
 */
export function refillHelper(assembly: IndexSpaces): number {
  const { types, appended, refill } = assembly;
  return appended.index('refill', types.index(bytesOf(I64), bytesOf(I64)), () => {
    const code = body().get(0).callWithCounter(refill).operators(Op.localTee, 0).ifBelow();
    code.get(0).constant64(YIELD).operators(Op.i64Eq, Op.if, EMPTY);
    return suspend(assembly, code).operators(Op.else, Op.unreachable, Op.end, Op.end).get(0).end();
  });
}

/**
 * Refills after an import that may have to wait. It returns the counter, and 1 when the import must be called again for
 * its answer. Suspension never rejects a promise, because a guest could catch the exception; a turn that has ended in
 * the meantime finds its counter spent and traps here.
 */
function awaitHelper(assembly: IndexSpaces): number {
  const { types, appended, refill } = assembly;
  return appended.index('await', types.index(bytesOf(I64), bytesOf(I64, I32)), () => {
    // Local 1 says whether the import must be called again.
    const code = new AppendedBody()
      .operators(1, 1, I32)
      .get(0)
      .callWithCounter(refill)
      .operators(Op.localTee, 0)
      .ifBelow();
    code.get(0).constant64(WAIT).operators(Op.i64Eq, Op.localTee, 1);
    code.get(0).constant64(YIELD).operators(Op.i64Eq, Op.i32Or, Op.if, EMPTY);
    return suspend(assembly, code).operators(Op.else, Op.unreachable, Op.end, Op.end).get(0).get(1).end();
  });
}

/**
 * Suspends the stack, resumes the turn and reads its counter into local 0. The function traps when the turn has ended
 * meanwhile.
 */
function suspend({ suspend, resumed }: IndexSpaces, code: AppendedBody): AppendedBody {
  return code
    .call(suspend)
    .call(resumed)
    .counter()
    .operators(Op.localTee, 0, Op.i64Const, 0, Op.i64LtS, Op.if, EMPTY, Op.unreachable, Op.end);
}

export function storeCounter(assembly: IndexSpaces): AppendedBody {
  return refillLocal(assembly, body(), 0).get(0).setGlobal(assembly.fuel).end();
}

export function allocate(assembly: IndexSpaces): AppendedBody {
  const code = body().getGlobal(assembly.heap).operators(Op.localGet, 0, Op.i64Sub, Op.localTee, 0).ifBelow();
  return orTrap(code, assembly.allocate).set(0).end().get(0).setGlobal(assembly.heap).end();
}

export function start(callee: number): AppendedBody {
  return body().call(callee).end();
}

/** Calls an import with a budget check before and after it, and ensures the stack reserve for the host's code. */
export function importWrapper(assembly: IndexSpaces, index: number, hasReserve: boolean): AppendedBody {
  const counter = assembly.functionType(index).parameters.length;
  if (assembly.waiting.has(index)) return waitingWrapper(assembly, index, counter);
  const code = body();
  // In mode `deadline`, the check after the call also finds a deadline that passed before it.
  if (assembly.plan.mode === 'fuel') refillLocal(assembly, code, counter);
  code.get(counter).setGlobal(assembly.fuel);
  if (!hasReserve) code.call(assembly.room);
  code.pass(counter).call(index).getGlobal(assembly.fuel);
  if (assembly.plan.mode === 'deadline') code.constant64(HOST_CALL_COST).u8(Op.i64Sub);
  code.set(counter);
  return refillLocal(assembly, code, counter).get(counter).end();
}

/** Calls an import that may have to wait, and calls it again when the wait is over. */
function waitingWrapper(assembly: IndexSpaces, index: number, counter: number): AppendedBody {
  const code = new AppendedBody().operators(1, 1, I32);
  refillLocal(assembly, code, counter).get(counter).setGlobal(assembly.fuel).call(assembly.room);
  callUntilAnswered(assembly, code, index, counter + 1);
  code.getGlobal(assembly.fuel);
  if (assembly.plan.mode === 'deadline') code.constant64(HOST_CALL_COST).u8(Op.i64Sub);
  code.set(counter);
  return refillLocal(assembly, code, counter).get(counter).end();
}

/**
 * Calls an import until it answers, and leaves the answer on the stack; the counter is in the cell. `again` is an i32
 * local.
 */
function callUntilAnswered(assembly: IndexSpaces, code: AppendedBody, index: number, again: number): AppendedBody {
  const { fuel, types } = assembly;
  const { parameters, results } = assembly.functionType(index);
  code.u8(Op.loop).s64(
    BigInt(
      types.index(
        [],
        results.map(({ bytes }) => bytes),
      ),
    ),
  );
  code.pass(parameters.length).call(index);
  code.getGlobal(fuel).ifBelow().getGlobal(fuel).call(awaitHelper(assembly)).set(again).setGlobal(fuel);
  return code.get(again).operators(Op.brIf, 1, Op.end, Op.end);
}

/**
 * The function that references to an import hold. It has the import's own type and ends in a tail call, so that rings
 * of calls through several modules do not grow the stack.
 */
export function importReference(assembly: IndexSpaces, index: number): AppendedBody {
  if (assembly.waiting.has(index)) {
    const code = refillCell(assembly, new AppendedBody().operators(1, 1, I32)).call(assembly.room);
    return callUntilAnswered(assembly, code, index, assembly.functionType(index).parameters.length).end();
  }
  return refillCell(assembly, body())
    .call(assembly.room)
    .pass(assembly.functionType(index).parameters.length)
    .u8(Op.returnCall)
    .u32(index)
    .end();
}

/** The entry into a `register` or `untouched` function for callers that keep the counter in the cell. */
export function entry(assembly: IndexSpaces, index: number, plan: FunctionPlan): AppendedBody {
  const { fuel } = assembly;
  const code = body();
  const untouched = plan.convention === 'untouched';
  const cost = callersCost(assembly, plan);
  if (cost > 0) code.getGlobal(fuel).constant64(cost).u8(Op.i64Sub).setGlobal(fuel);
  if (!plan.checked) refillCell(assembly, code);
  code.pass(assembly.functionType(index).parameters.length);
  if (!untouched) code.getGlobal(fuel);
  code.call(assembly.functionIndex(index));
  if (!untouched) code.setGlobal(fuel);
  return code.end();
}

/** The fuel that a caller pays for a call of this function. */
function callersCost({ plan: { mode } }: IndexSpaces, { convention, entry, weight }: FunctionPlan): number {
  if (mode === 'deadline') return weight;
  return convention === 'untouched' ? entry : 0;
}

/** Lets a function of another convention stand where a `register` function is expected. */
export function registerWrapper(assembly: IndexSpaces, index: number, plan: FunctionPlan): AppendedBody {
  const counter = assembly.functionType(index).parameters.length;
  const callee = assembly.functionIndex(index);
  const code = body();
  if (plan.convention === 'cell') {
    code.get(counter).setGlobal(assembly.fuel).pass(counter).call(callee).getGlobal(assembly.fuel);
    // The callee may have ended in a host call, and no check has followed that call yet.
    if (assembly.plan.mode === 'deadline') refillLocal(assembly, code.set(counter), counter).get(counter);
    return code.end();
  }
  code.get(counter).constant64(callersCost(assembly, plan)).u8(Op.i64Sub).set(counter);
  return refillLocal(assembly, code, counter).pass(counter).call(callee).get(counter).end();
}

/** Writes `if (counter < 0) counter = refill(counter)` for a local. */
export function refillLocal(assembly: IndexSpaces, code: AppendedBody, counter: number): AppendedBody {
  return code.get(counter).ifBelow().get(counter).call(refillHelper(assembly)).set(counter).end();
}

/** Writes the same for the shared cell. */
function refillCell(assembly: IndexSpaces, code: AppendedBody): AppendedBody {
  const { fuel } = assembly;
  return code.getGlobal(fuel).ifBelow().getGlobal(fuel).call(refillHelper(assembly)).setGlobal(fuel).end();
}

/** Passes local 0 to a hook, leaves the answer on the stack, and traps when the answer is negative. */
function orTrap(code: AppendedBody, hook: number): AppendedBody {
  return code
    .get(0)
    .callWithCounter(hook)
    .operators(Op.localTee, 0, Op.i64Const, 0, Op.i64LtS, Op.if, EMPTY, Op.unreachable, Op.end)
    .get(0);
}
