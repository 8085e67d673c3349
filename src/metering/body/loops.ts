import { copiesOf, HOST_CALL_COST } from '#metering/plan';
import { LoopFlag } from '#metering/survey';
import { EMPTY, Op as Opcodes } from '../opcode.ts';
import { Label, type LoopTurn, UNSET } from './label.ts';
import type { MeteredBody } from './metered-body.ts';

const Op = Opcodes;

/** Opens a loop: no turn but the first begins without a look at the budget. */
export function openLoop(body: MeteredBody, at: number, paid: boolean, viaCell: boolean): void {
  const { facts } = body.assembly.plan;
  const number = body.nextLoop++;
  if (!body.counts) throw body.reader.malformed('a loop in a function without a counter');
  if (viaCell) body.payAndStore();
  else if (paid || body.cost === 0) body.pay(body.pending, 0);
  // Calls of imports in the loop find the room that is made before it: the stack is as deep at each turn.
  const isRoomy = (facts.loopFlags.at(number) & LoopFlag.callsImport) !== 0;
  if (isRoomy && body.roomyLoops++ === 0) body.call(body.assembly.room);
  if (viaCell || !isEnclosable(body, at + 1)) openPlainLoop(body, at, number, viaCell, isRoomy);
  else openTurns(body, at, number, paid, isRoomy);
}

/** A loop that takes values or gives references, or that exceptions return to, looks at its head. */
function openPlainLoop(body: MeteredBody, at: number, number: number, viaCell: boolean, isRoomy: boolean): void {
  body.copy(at);
  body.level++;
  if (viaCell) body.load();
  if (body.foresight.keepsHosts.has(at)) body.chargeHostException();
  const label = body.openLabel(Op.loop, body.pending, viaCell);
  label.carries = true;
  label.isRoomy = isRoomy;
  chargeTurns(body, number, 1);
  if (body.pending === 0) body.get();
  else {
    body.getPaid();
    body.tee();
  }
  body.refillIfBelow();
  body.look();
}

/**
 * Any other loop looks where it turns back. Its body may be repeated, so that one look serves several turns:
 * `block $exit (loop $loop (block $next … (br $exit)) look (br $loop)))`
 */
function openTurns(body: MeteredBody, at: number, number: number, paid: boolean, isRoomy: boolean): void {
  const { facts, mostUnrolledBytes, hostLoops } = body.assembly.plan;
  const start = body.reader.position;
  const copies = copiesOf(facts, number, mostUnrolledBytes);
  if (hostLoops[number] === 1) body.store();
  body.op(Op.block);
  body.raw(body.bytes, at + 1, start);
  body.level++;
  const exit = body.initialise(new Label(), Op.block, UNSET, false);
  beginEmpty(body, Op.loop);
  const loop = body.initialise(new Label(), Op.loop, body.pending, false);
  const lookedBefore = body.looked;
  body.looked = false;
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
    isRoomy,
    lookedBefore,
  });
}

function beginEmpty(body: MeteredBody, opcode: number): void {
  body.op(opcode);
  body.op(EMPTY);
  body.level++;
}

/** Reads the body of a loop, again: a branch back goes behind this copy. */
function openCopy(body: MeteredBody, turn: LoopTurn): void {
  body.reader.position = turn.body;
  body.nextGuestHint = turn.firstHint;
  body.nextLoop = turn.firstLoop;
  turn.left--;
  beginEmpty(body, Op.block);
  body.openLabel(Op.block, turn.paid ? 0 : UNSET, false).turn = turn;
}

/** Closes a copy of a loop's body; whether control goes on behind. */
export function closeTurn(body: MeteredBody, label: Label, turn: LoopTurn, dead: boolean): boolean {
  const { exit } = turn;
  const { base, looked, unseen, reached } = label;
  body.labels.pop();
  if (!dead) {
    body.edge(exit);
    body.branch(exit);
  }
  body.end();
  body.pending = base;
  body.looked = looked;
  // The charge of the turn is for this copy too.
  body.unseen = body.cost > 0 ? unseen : Math.max(turn.unseenBefore, unseen - turnCost(body, turn.number, 1));
  if (turn.left > 0 && reached) {
    openCopy(body, turn);
    return true;
  }
  if (reached) turnBack(body, turn);
  else body.op(Op.unreachable);
  body.end();
  if (turn.hasResult) body.op(Op.unreachable);
  body.end();
  if (turn.isRoomy) body.roomyLoops--;
  body.inHostLoop = false;
  body.pending = exit.base;
  body.unseen = exit.unseen;
  body.looked = exit.looked || turn.lookedBefore;
  return exit.reached;
}

/** From the last copy to the loop's head, with what is owed there, by way of a look where none was taken in the turn. */
function turnBack(body: MeteredBody, { number, copies, loop }: LoopTurn): void {
  if (body.inHostLoop) {
    const cost = turnCost(body, number, copies);
    // A call of the host has paid for a short turn.
    if (!body.looked || cost > HOST_CALL_COST) body.payInCell(cost);
    body.branch(loop);
    return;
  }
  chargeTurns(body, number, copies);
  if (body.looked) {
    body.pay(body.pending, loop.base);
    body.branch(loop);
    return;
  }
  body.pending -= loop.base;
  const owes = body.pending !== 0;
  body.getPaid();
  if (owes) body.tee();
  body.refillIfBelow();
  body.branch(loop);
}

/** In mode `deadline` turns are charged as a whole. */
function chargeTurns(body: MeteredBody, number: number, turns: number): void {
  if (body.cost === 0) body.pending += turnCost(body, number, turns);
}

function turnCost({ assembly }: MeteredBody, number: number, turns: number): number {
  return turns * (assembly.plan.turnCosts[number] as number);
}

/**
 * Whether a block of the type at `at` can stand around a loop: without parameters, and without references as results,
 * which V8 lets a loop give more exactly than its type says.
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

/** From v128 to i32. */
function isNumeric(type: number): boolean {
  return type >= 0x7b && type < 0x80;
}
