import { type Label, type SimpleLoop, UNSET } from './label.ts';
import type { MeteredBody } from './metered-body.ts';
import { LoopFlag } from './module-facts.ts';
import { EMPTY, Op } from './opcode.ts';
import { copiesOf } from './unrolling.ts';

/** Ways out of a simple loop whose refill stands outside: each further loop costs a look at the stack. */
const MOST_EXITS = 1;
const NO_VALUES: Uint8Array = Uint8Array.of(EMPTY);

/** Opens a loop, whose head looks at the budget. */
export function openLoop(body: MeteredBody, at: number, paid: boolean, viaCell: boolean): void {
  const { facts } = body.assembly.plan;
  const number = body.nextLoop++;
  if (!body.counts) throw body.reader.malformed('a loop in a function without a counter');
  if (viaCell) body.payAndStore();
  else if (paid || body.cost === 0) body.pay(body.pending, 0);
  const flags = facts.loopFlags.at(number);
  const hasParameters = namesParameters(body, at + 1);
  if ((flags & LoopFlag.complicated) === 0 && !viaCell && !hasParameters) {
    const bytes = facts.loopBytes.at(number);
    const copies = bytes <= body.assembly.plan.mostUnrolledBytes ? copiesOf(bytes, facts.loopTurns.at(number)) : 1;
    const outside = facts.loopExits.at(number) <= MOST_EXITS;
    if (copies > 1 || outside) {
      openSimpleLoop(body, at, number, paid, copies, outside);
      return;
    }
  }
  // Calls of imports in the loop find the room that is made before it: the stack is as deep at each turn.
  const isRoomy = (flags & LoopFlag.callsImport) !== 0;
  if (isRoomy && body.roomyLoops++ === 0) body.call(body.assembly.room);
  body.copy(at);
  body.level++;
  if (viaCell) body.load();
  const label = body.newLabel(Op.loop, body.pending, viaCell);
  label.carries = hasParameters;
  label.isRoomy = isRoomy;
  body.labels.push(label);
  turn(body, number, 1);
  body.refillIfBelow();
}

/**
 * A loop that only computes. Its body is repeated, so that one look serves several turns; and where it has a single
 * exit the refill stands outside, in a loop around it, so that the engine still treats it as one without calls:
 * `block $exit (loop $again (block $empty (loop $loop (br_if $empty …) …)) (br $exit)) refill (br $again)))`
 */
function openSimpleLoop(
  body: MeteredBody,
  at: number,
  number: number,
  paid: boolean,
  copies: number,
  outside: boolean,
): void {
  const start = body.reader.position;
  const type = body.bytes.subarray(at + 1, start);
  const exit = begin(body, Op.block, type, UNSET);
  if (outside) {
    begin(body, Op.loop, NO_VALUES, UNSET);
    begin(body, Op.block, NO_VALUES, UNSET);
  }
  const loop = begin(body, Op.loop, type, body.pending);
  loop.simple = {
    body: start,
    copies,
    paid,
    firstHint: body.nextGuestHint,
    loop,
    exit,
    outside,
    hasResult: type[0] !== EMPTY,
  };
  turn(body, number, copies);
  if (outside) {
    body.isBelow();
    body.unlikely();
    body.op(Op.brIf);
    body.u32(1);
  } else body.refillIfBelow();
  nextCopy(body, loop.simple);
}

function begin(body: MeteredBody, opcode: number, type: Uint8Array, base: number): Label {
  body.op(opcode);
  body.append(type);
  body.level++;
  return body.newLabel(opcode, base, false);
}

/** The counter at a loop's head onto the stack; in mode `deadline` its turns are charged here. */
function turn(body: MeteredBody, number: number, turns: number): void {
  body.unseen = 0;
  if (body.cost === 0) {
    body.pending += turns * (body.assembly.plan.turnCosts[number] as number);
    body.getPaid();
    body.tee();
  } else body.get();
}

/** Reads the body of a simple loop once more: a branch back goes to the next copy, that of the last to the head. */
function nextCopy(body: MeteredBody, simple: SimpleLoop): void {
  body.reader.position = simple.body;
  body.nextGuestHint = simple.firstHint;
  if (--simple.copies === 0) {
    body.labels.push(simple.loop);
    return;
  }
  const copy = begin(body, Op.block, NO_VALUES, simple.paid ? 0 : UNSET);
  copy.simple = simple;
  body.labels.push(copy);
}

/** Closes a copy of a simple loop's body; whether control goes on behind. */
export function closeCopy(body: MeteredBody, label: Label, simple: SimpleLoop, dead: boolean): boolean {
  const { exit } = simple;
  const { base } = label;
  body.labels.pop();
  if (!dead) body.edge(exit);
  if (label !== simple.loop) {
    if (!dead) body.branch(exit);
    body.end();
    body.pending = base;
    nextCopy(body, simple);
    return true;
  }
  body.end();
  if (simple.outside) {
    if (dead) body.op(Op.unreachable);
    else body.branch(exit);
    body.op(Op.end);
    body.refillNow();
    body.op(Op.br);
    body.u32(0);
    body.op(Op.end);
    body.level -= 2;
    if (simple.hasResult) body.op(Op.unreachable);
  }
  body.end();
  body.pending = exit.base;
  body.unseen = 0;
  return exit.reached;
}

/** Whether the block type at `at` names parameters. */
function namesParameters(body: MeteredBody, at: number): boolean {
  const first = body.bytes[at] as number;
  if (first >= 0x40 && first < 0x80) return false;
  const { reader } = body;
  const { position } = reader;
  reader.position = at;
  const type = body.assembly.types.at(reader.leb());
  reader.position = position;
  return type.parameters.length > 0;
}
