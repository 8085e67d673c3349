import { copiesOf, HOST_CALL_COST } from '#metering/plan';
import { LoopFlag } from '#metering/survey';
import { EMPTY, Op as Opcodes } from '../opcode.ts';
import { Label, type LoopCopies, UNSET } from './label.ts';
import type { MeteredBody } from './metered-body.ts';

const Op = Opcodes;

/** Opens a loop. Every iteration after the first begins after a budget check. */
export function openLoop(body: MeteredBody, at: number, paid: boolean, viaCell: boolean): void {
  const { facts } = body.assembly.plan;
  const number = body.nextLoop++;
  if (!body.counts) throw body.reader.malformed('a loop in a function without a counter');
  if (viaCell) body.payAndStore();
  else if (paid || body.cost === 0) body.pay(body.deferred, 0);
  // One check of the stack reserve before the loop serves all its host calls, because the stack is equally deep in each
  // iteration.
  const hasReserve = (facts.loopFlags.at(number) & LoopFlag.callsImport) !== 0;
  if (hasReserve && body.reservedLoops++ === 0) body.call(body.assembly.room);
  if (viaCell || !isEnclosable(body, at + 1)) openPlainLoop(body, at, number, viaCell, hasReserve);
  else openCopies(body, at, number, paid, hasReserve);
}

/** A loop that takes values, returns references or is the target of exceptions checks the budget at its head. */
function openPlainLoop(body: MeteredBody, at: number, number: number, viaCell: boolean, hasReserve: boolean): void {
  body.copy(at);
  body.level++;
  if (viaCell) body.load();
  if (body.foresight.keepsHosts.has(at)) body.chargeHostException();
  const label = body.openLabel(Op.loop, body.deferred, viaCell);
  label.carries = true;
  label.hasReserve = hasReserve;
  chargeIterations(body, number, 1);
  if (body.deferred === 0) body.get();
  else {
    body.getPaid();
    body.tee();
  }
  body.refillIfBelow();
  body.noteCheck();
}

/**
 * Every other loop checks the budget where it branches back. Its body may be repeated, so that one check serves several
 * iterations: `block $exit (loop $loop (block $next … (br $exit)) check (br $loop)))`
 */
function openCopies(body: MeteredBody, at: number, number: number, paid: boolean, hasReserve: boolean): void {
  const { facts, mostUnrolledBytes, hostLoops } = body.assembly.plan;
  const start = body.reader.position;
  const copies = copiesOf(facts, number, mostUnrolledBytes);
  if (hostLoops[number] === 1) body.store();
  body.op(Op.block);
  body.raw(body.bytes, at + 1, start);
  body.level++;
  const exit = body.initialise(new Label(), Op.block, UNSET, false);
  beginEmpty(body, Op.loop);
  const loop = body.initialise(new Label(), Op.loop, body.deferred, false);
  const checkedBefore = body.checked;
  body.checked = false;
  body.inHostLoop = hostLoops[number] === 1;
  openCopy(body, {
    number,
    unseenBefore: body.unseen,
    body: start,
    copies,
    left: copies,
    paid,
    firstHint: body.nextGuestHint,
    firstLoop: body.nextLoop,
    loop,
    exit,
    hasResult: body.bytes[at + 1] !== EMPTY,
    hasReserve,
    checkedBefore,
  });
}

function beginEmpty(body: MeteredBody, opcode: number): void {
  body.op(opcode);
  body.op(EMPTY);
  body.level++;
}

/** Reads the loop's body again. A branch back leads to the end of this copy. */
function openCopy(body: MeteredBody, copies: LoopCopies): void {
  body.reader.position = copies.body;
  body.nextGuestHint = copies.firstHint;
  body.nextLoop = copies.firstLoop;
  copies.left--;
  beginEmpty(body, Op.block);
  body.openLabel(Op.block, copies.paid ? 0 : UNSET, false).copies = copies;
}

/** Closes a copy of a loop's body. Returns whether control goes on after it. */
export function closeCopy(body: MeteredBody, label: Label, copies: LoopCopies, dead: boolean): boolean {
  const { exit } = copies;
  const { base, checked, unseen, reached } = label;
  body.labels.pop();
  if (!dead) {
    body.edge(exit);
    body.branch(exit);
  }
  body.end();
  body.deferred = base;
  body.checked = checked;
  // The charge of the iteration covers this copy too.
  body.unseen = body.cost > 0 ? unseen : Math.max(copies.unseenBefore, unseen - iterationCost(body, copies.number, 1));
  if (copies.left > 0 && reached) {
    openCopy(body, copies);
    return true;
  }
  if (reached) branchBack(body, copies);
  else body.op(Op.unreachable);
  body.end();
  if (copies.hasResult) body.op(Op.unreachable);
  body.end();
  if (copies.hasReserve) body.reservedLoops--;
  body.inHostLoop = false;
  body.deferred = exit.base;
  body.unseen = exit.unseen;
  body.checked = exit.checked || copies.checkedBefore;
  return exit.reached;
}

/**
 * Branches from the last copy to the loop's head with the deferred cost that the head expects, and checks the budget
 * unless the iteration has already done so.
 */
function branchBack(body: MeteredBody, { number, copies, loop }: LoopCopies): void {
  if (body.inHostLoop) {
    const cost = iterationCost(body, number, copies);
    // The charge of the host call already covers a short iteration.
    if (!body.checked || cost > HOST_CALL_COST) body.payInCell(cost);
    body.branch(loop);
    return;
  }
  chargeIterations(body, number, copies);
  if (body.checked) {
    body.pay(body.deferred, loop.base);
    body.branch(loop);
    return;
  }
  body.deferred -= loop.base;
  const defers = body.deferred !== 0;
  body.getPaid();
  if (defers) body.tee();
  body.refillIfBelow();
  body.branch(loop);
}

/** In mode `deadline` whole iterations are charged at once. */
function chargeIterations(body: MeteredBody, number: number, iterations: number): void {
  if (body.cost === 0) body.deferred += iterationCost(body, number, iterations);
}

function iterationCost({ assembly }: MeteredBody, number: number, iterations: number): number {
  return iterations * (assembly.plan.iterationCosts[number] as number);
}

/**
 * Whether a block of the type at `at` can enclose a loop: it must have no parameters, and no reference results, because
 * V8 gives a loop's reference results more exact types than the block type says.
 */
function isEnclosable(body: MeteredBody, at: number): boolean {
  const first = body.bytes[at] as number;
  if (first === EMPTY || isNumeric(first)) return true;
  if (first > EMPTY && first < 0x80) return false;
  const { reader } = body;
  const { position } = reader;
  reader.position = at;
  const { parameters, results } = body.assembly.types.at(reader.leb());
  reader.position = position;
  return parameters.length === 0 && results.every(({ bytes }) => isNumeric(bytes[0] as number));
}

/** Whether a value type lies between v128 and i32 in the encoding. */
function isNumeric(type: number): boolean {
  return type >= 0x7b && type < 0x80;
}
