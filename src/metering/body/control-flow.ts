import { EMPTY, Op as Opcodes } from '../opcode.ts';
import { NO_FORESIGHT } from './foresight.ts';
import { type Label, UNSET } from './label.ts';
import { closeCopy, openLoop } from './loops.ts';
import { AGAIN, type MeteredBody } from './metered-body.ts';

const Op = Opcodes;

/** Rewrites `block`, `loop`, `if`, `try` and `try_table`. */
export function open(body: MeteredBody, opcode: number, at: number): void {
  const { reader, foresight } = body;
  const foreseen = foresight !== NO_FORESIGHT;
  const paid = foreseen && foresight.paid.has(at);
  const viaCell = foreseen && foresight.viaCell.has(at);
  if (opcode === Op.loop) {
    reader.skipBlockType();
    openLoop(body, at, paid, viaCell);
    return;
  }
  if (opcode !== Op.block && opcode !== Op.if && opcode !== Op.try && opcode !== Op.tryTable) {
    throw reader.unknown(at, opcode);
  }
  if (opcode === Op.if) body.moveHint(at);
  if (opcode !== Op.block) body.deferred += body.cost;
  const carries = body.bytes[at + 1] !== EMPTY;
  reader.skipBlockType();
  body.copy(at);
  // The labels of catch clauses count from outside the block.
  if (opcode === Op.tryTable) copyCatches(body);
  body.level++;
  const label = body.openLabel(opcode, paid ? 0 : UNSET, viaCell);
  label.carries = carries;
  label.keepsHosts = foreseen && foresight.keepsHosts.has(at);
}

/** Copies the catch clauses of `try_table`. The counter is in the cell when control reaches their labels. */
function copyCatches(body: MeteredBody): void {
  const { reader } = body;
  const count = reader.leb();
  body.reserve(count * 11);
  body.u32(count);
  for (let n = 0; n < count; n++) {
    const kind = body.bytes[reader.position++] as number;
    body.op(kind);
    if (kind < 2) body.u32(reader.leb());
    const label = body.label(reader.leb());
    if (!label.viaCell) throw AGAIN;
    label.base = 0;
    label.reached = true;
    body.u32(body.depth(label));
  }
}

/** Rewrites `else`, which starts with the deferred cost of its `if`. */
export function otherwise(body: MeteredBody): void {
  const { top } = body.labels;
  top.hasElse = true;
  body.deferred = top.entry;
  body.unseen = top.unseenAtEntry;
  body.checked = top.checkedAtEntry;
  body.op(Op.else);
}

/** Opens a handler of the legacy encoding. The thrower left the counter in the shared cell. */
export function openHandler(body: MeteredBody, opcode: number): void {
  body.op(opcode);
  const tag = opcode === Op.catch ? body.reader.leb() : -1;
  if (tag >= 0) body.u32(tag);
  body.reload();
  if (body.sharedTags.has(tag)) body.chargeHostException();
}

/**
 * Closes the innermost label at its `end` or `delegate`. `dead` says that control does not fall through to it. Returns
 * whether the body goes on after the label, which is false at the end of the body.
 */
export function close(body: MeteredBody, opcode: number, dead: boolean): boolean {
  const { labels } = body;
  const label = labels.top;
  if (label.copies !== undefined) return closeCopy(body, label, label.copies, dead);
  if (label.opcode === Op.loop) {
    if (label.hasReserve) body.reservedLoops--;
    labels.pop();
    body.end();
    return !dead;
  }
  const bare = label.opcode === Op.if && !label.hasElse;
  if (bare && label.base === UNSET && !label.viaCell) label.base = label.entry;
  if (!dead) body.edge(label);
  if (bare && (label.viaCell || label.base !== label.entry)) {
    otherwise(body);
    body.edge(label);
  } else if (bare) {
    label.unseen = Math.max(label.unseen, label.unseenAtEntry);
    label.checked &&= label.checkedAtEntry;
  }
  const reached = label.reached || bare;
  labels.pop();
  const last = labels.depth === 0;
  if (!last || body.isWrapped) {
    body.op(opcode);
    if (opcode === Op.delegate) body.u32(body.level - 1 - body.label(body.reader.leb()).level);
    body.level--;
  }
  if (reached) {
    body.deferred = label.base;
    body.unseen = label.unseen;
    body.checked = label.checked;
    if (label.viaCell) body.reload();
    if (label.keepsHosts) body.chargeHostException();
  }
  if (!last) return reached;
  if (reached) body.leave();
  else if (body.isWrapped) body.op(Op.unreachable);
  body.op(Op.end);
  return true;
}

/** Rewrites `br` and the conditional branches that have one label. */
export function branch(body: MeteredBody, opcode: number, at: number): void {
  const label = body.label(body.reader.leb());
  body.deferred += body.cost;
  if (opcode === Op.brIf && paysOnEdge(body, label)) {
    branchPaying(body, label, at);
    return;
  }
  body.edge(label);
  body.moveHint(at);
  body.indexed(opcode, body.depth(label));
}

/**
 * Whether a conditional branch pays only when it is taken. This holds for forward branches to a label that expects
 * another deferred cost: a chain of tests that exit to one label then costs nothing while none is taken.
 */
function paysOnEdge(body: MeteredBody, label: Label): boolean {
  if (!body.counts || label.viaCell || label.carries || label.opcode === Op.loop) return false;
  return label.base !== UNSET && label.base !== body.deferred;
}

function branchPaying(body: MeteredBody, label: Label, at: number): void {
  const { deferred } = body;
  body.moveHint(at);
  body.op(Op.if);
  body.op(EMPTY);
  body.level++;
  body.edge(label);
  body.branch(label);
  body.end();
  body.deferred = deferred;
}

/** Rewrites `br_table`. All its labels must expect the same deferred cost. */
export function branchTable(body: MeteredBody): void {
  const { reader } = body;
  body.deferred += body.cost;
  const count = reader.leb();
  const first = reader.position;
  let base = UNSET;
  let viaCell = false;
  for (let n = 0; n <= count; n++) {
    const label = body.label(reader.leb());
    viaCell ||= label.viaCell;
    if (label.base !== UNSET) base = label.base;
  }
  if (viaCell) base = 0;
  else if (base === UNSET) base = body.deferred;
  reader.position = first;
  for (let n = 0; n <= count; n++) {
    const label = body.label(reader.leb());
    body.arrive(label);
    if (label.base === UNSET) label.base = base;
    else if (label.base !== base) throw AGAIN;
  }
  if (viaCell) body.payAndStore();
  else body.pay(body.deferred, base);
  body.reserve(5 * count);
  body.op(Op.brTable);
  body.u32(count);
  reader.position = first;
  for (let n = 0; n <= count; n++) body.u32(body.depth(body.label(reader.leb())));
}

/** Skips operators that control cannot reach, up to where control can arrive again. */
export function drop(body: MeteredBody): void {
  const { reader, labels } = body;
  for (;;) {
    reader.skipDead();
    const opcode = body.bytes[reader.position++] as number;
    body.reserve(0);
    const opens = opcode === Op.else || opcode === Op.catch || opcode === Op.catchAll;
    if (opcode === Op.else) otherwise(body);
    else if (opens) openHandler(body, opcode);
    if (opens || close(body, opcode, true) || labels.depth === 0) return;
    stayUnreached(body);
  }
}

/** Makes the stack polymorphic with `unreachable`: the validator assumes that control may arrive here. */
export function stayUnreached(body: MeteredBody): void {
  body.op(Op.unreachable);
}
