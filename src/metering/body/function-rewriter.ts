import type { Assembly } from '#metering/assembly';
import { Effect as Effects, EFFECTS as EffectTable, effectBehind } from '#metering/operators';
import { type FunctionPlan, LARGEST_RUN } from '#metering/plan';
import { FunctionFlag } from '#metering/survey';
import { MeteringError } from '../errors.ts';
import { I32, I64, Op as Opcodes } from '../opcode.ts';
import { misc } from './bulk.ts';
import { call, callIndirect, callReference, returnCall, throughRegister } from './calls.ts';
import { branch, branchTable, close, drop, open, openHandler, otherwise, stayUnreached } from './control-flow.ts';
import { foresee, NO_FORESIGHT } from './foresight.ts';
import { UNSET } from './label.ts';
import { AGAIN, MeteredBody, NO_HINTS } from './metered-body.ts';
import { gc, throwException } from './objects.ts';
import { copyPlainOperators } from './plain-operators.ts';

const Op = Opcodes;
const Effect = Effects;
const EFFECTS = EffectTable;

/** The most locals that engines accept. */
const MOST_LOCALS = 50_000;
/** How much a body usually grows. The estimate only needs to predict how many bytes the size field takes. */
const USUAL_GROWTH = 1.3;

/**
 * Rewrites one function body after another so that it counts its fuel.
 *
 * The counter is an i64 local that counts down. At each point `consumed = given - counter + deferred`. The deferred
 * cost is known statically, and code for it is emitted only where it must be: before calls and returns, and where paths
 * with different deferred costs meet.
 */
export class FunctionRewriter {
  /** The bodies written so far, and the state of the current one. */
  readonly body: MeteredBody;
  /** The size of the local declarations of the last rewritten body. */
  headLength = 0;
  #groups = 0;
  /** Where the local declarations begin in the module, after their count. */
  #declarations = 0;
  #declarationsEnd = 0;

  constructor(assembly: Assembly) {
    this.body = new MeteredBody(assembly);
  }

  /**
   * Appends the metered body with its size before it, and returns that size. `start` and `end` bound the body in the
   * module.
   */
  rewrite(index: number, start: number, end: number, guestHints: Int32Array = NO_HINTS): number {
    const { body } = this;
    const { reader, assembly } = body;
    const plan = assembly.plan.functions[index] as FunctionPlan;
    body.start = start;
    body.guestHints = guestHints;
    body.plan = plan;
    body.counts = plan.convention !== 'untouched';
    reader.position = start;
    reader.end = end;
    this.#groups = reader.leb();
    this.#declarations = reader.position;
    let declared = 0;
    for (let n = 0; n < this.#groups; n++) {
      declared += reader.leb();
      reader.skipValueType();
    }
    this.#declarationsEnd = reader.position;
    body.parameters = assembly.functionType(index).parameters.length;
    const locals = body.parameters + declared;
    if (locals + 3 > MOST_LOCALS) {
      throw new MeteringError(
        'METERING_TOO_LARGE',
        `function ${index} has ${locals} locals; metering needs three more`,
      );
    }
    const register = plan.convention === 'register';
    body.shift = register ? 1 : 0;
    body.counter = register ? body.parameters : locals;
    body.scratch = locals + 1;
    body.foresight = NO_FORESIGHT;
    // The size and the number of local groups are known only afterwards. When both take as many bytes as expected,
    // nothing has to move.
    const at = body.length;
    const cell = plan.convention === 'cell' ? 1 : 0;
    body.codeStart = at + lebLength(Math.round((end - start) * USUAL_GROWTH)) + this.#headLength(cell);
    body.reserve(body.codeStart - at);
    try {
      this.#write(index);
    } catch (thrown) {
      if (thrown !== AGAIN) throw thrown;
      body.foresight = foresee(reader, this.#declarationsEnd, body.sharedTags);
      this.#write(index);
    }
    return this.#close(at);
  }

  /** Returns the size of the local declarations when metering adds `added` groups. */
  #headLength(added: number): number {
    return lebLength(this.#groups + added) + this.#declarationsEnd - this.#declarations + 2 * added;
  }

  /** Writes what stands before the code: the size and the local declarations. */
  #close(at: number): number {
    const { body } = this;
    const cell = body.plan.convention === 'cell' ? 1 : 0;
    const scratch = body.usesScratch64 ? 2 : body.usesScratch32 ? 1 : 0;
    this.headLength = this.#headLength(cell + scratch);
    const size = this.headLength + body.length - body.codeStart;
    const codeAt = at + lebLength(size) + this.headLength;
    body.move(body.codeStart, codeAt);
    const end = body.length;
    body.length = at;
    body.u32(size);
    body.u32(this.#groups + cell + scratch);
    for (let from = this.#declarations; from < this.#declarationsEnd; from++) body.op(body.bytes[from] as number);
    if (cell > 0) body.declare(I64);
    if (scratch > 0) body.declare(I32);
    if (scratch > 1) body.declare(I64);
    body.length = end;
    return size;
  }

  #write(index: number): void {
    const { body } = this;
    const { plan, assembly } = body;
    const { results } = assembly.functionType(index);
    const { facts } = assembly.plan;
    const { firstLoop } = facts;
    const n = index - assembly.module.imported.function;
    body.isWrapped = body.counts && facts.has(FunctionFlag.branchesOut, n);
    body.reader.position = this.#declarationsEnd;
    body.length = body.codeStart;
    body.hints.length = 0;
    body.checks = 0;
    body.payments = 0;
    body.nextGuestHint = 0;
    body.nextLoop = firstLoop[n] as number;
    body.deferred = plan.convention === 'untouched' ? 0 : plan.entry;
    body.unseen = 0;
    body.mostUnseen = body.counts && body.cost === 0 ? LARGEST_RUN : Number.MAX_SAFE_INTEGER;
    body.checked = false;
    body.usesScratch32 = false;
    body.usesScratch64 = false;
    body.reservedLoops = 0;
    body.inHostLoop = false;
    body.level = 0;
    if (plan.convention === 'cell') body.load();
    if (body.counts) this.#enter();
    body.labels.depth = 0;
    const label = body.openLabel(Op.block, body.foresight.paid.has(0) ? 0 : UNSET, body.foresight.viaCell.has(0));
    label.carries = results.length > 0;
    label.keepsHosts = body.foresight.keepsHosts.has(0);
    if (body.isWrapped) {
      body.op(Op.block);
      body.blockType(results);
      label.level = ++body.level;
    }
    while (body.labels.depth > 0) {
      copyPlainOperators(body);
      if (body.unseen > body.mostUnseen) body.payUnseen();
      step(body);
    }
    if (body.reader.position !== body.reader.end) throw body.reader.malformed('a body continues after its end');
    if (body.nextLoop !== firstLoop[n + 1])
      throw body.reader.malformed('a body does not have the loops that were surveyed');
  }

  #enter(): void {
    const { body } = this;
    if (body.cost === 0) {
      if (body.plan.checked) body.payAndCheck();
      else body.pay(body.deferred, 0);
    } else if (body.plan.checked) body.check();
  }
}

/** Rewrites the operator at the reader's position, and skips code after it that control cannot reach. */
function step(body: MeteredBody): void {
  const { reader } = body;
  const at = reader.position;
  if (at >= reader.end) throw reader.malformed('a body ends too early');
  const opcode = body.bytes[at] as number;
  reader.position = at + 1;
  switch (EFFECTS[opcode] as number) {
    case 8 satisfies typeof Effect.close:
      stepClose(body, opcode, at);
      return;
    case 7 satisfies typeof Effect.open:
      open(body, opcode, at);
      return;
    case 10 satisfies typeof Effect.call:
      stepCall(body, opcode, at);
      return;
    case 9 satisfies typeof Effect.branch:
      stepBranch(body, opcode, at);
      return;
    case 14 satisfies typeof Effect.throw:
      stepThrow(body, opcode, at);
      return;
    case 15 satisfies typeof Effect.prefix:
      stepPrefixed(body, opcode, at);
      return;
    case 1 satisfies typeof Effect.plain:
    case 5 satisfies typeof Effect.table:
      reader.skipImmediates(opcode);
      body.deferred += body.cost;
      body.copy(at);
      return;
    case 2 satisfies typeof Effect.free:
      reader.skipImmediates(opcode);
      body.copy(at);
      return;
    case 6 satisfies typeof Effect.reference:
      body.deferred += body.cost;
      body.indexed(opcode, body.assembly.declaredReference(reader.leb()));
      return;
    case 11 satisfies typeof Effect.charge:
      if (opcode !== Op.memoryGrow) throw reader.unknown(at, opcode);
      body.deferred += body.cost;
      throughRegister(body, body.assembly.memoryGrow(reader.leb()));
      return;
    default:
      throw reader.unknown(at, opcode);
  }
}

function stepClose(body: MeteredBody, opcode: number, at: number): void {
  switch (opcode) {
    case Op.end:
    case Op.delegate:
      if (close(body, opcode, false)) return;
      stayUnreached(body);
      drop(body);
      return;
    case Op.else:
      body.edge(body.labels.top);
      otherwise(body);
      return;
    case Op.catch:
    case Op.catchAll:
      body.edge(body.labels.top);
      openHandler(body, opcode);
      return;
    default:
      throw body.reader.unknown(at, opcode);
  }
}

function stepBranch(body: MeteredBody, opcode: number, at: number): void {
  switch (opcode) {
    case Op.brIf:
    case Op.brOnNull:
    case Op.brOnNonNull:
      branch(body, opcode, at);
      return;
    case Op.br:
      branch(body, opcode, at);
      drop(body);
      return;
    case Op.return:
      body.leave();
      body.op(opcode);
      drop(body);
      return;
    case Op.brTable:
      branchTable(body);
      drop(body);
      return;
    default:
      throw body.reader.unknown(at, opcode);
  }
}

function stepCall(body: MeteredBody, opcode: number, at: number): void {
  const { reader } = body;
  switch (opcode) {
    case Op.call: {
      const callee = reader.leb();
      const context = body.assembly.contexts.get(callee);
      if (context !== undefined) {
        if (body.cost === 0) body.unseen += 1;
        else body.deferred += 1;
        body.indexed(context.sets ? Op.globalSet : Op.globalGet, body.assembly.contextGlobal(context));
        return;
      }
      body.deferred += body.cost;
      call(body, callee);
      return;
    }
    case Op.callIndirect:
      callIndirect(body, opcode);
      return;
    case Op.callRef:
      callReference(body, opcode);
      return;
    case Op.returnCall:
      returnCall(body, reader.leb());
      drop(body);
      return;
    case Op.returnCallIndirect:
      callIndirect(body, opcode);
      drop(body);
      return;
    case Op.returnCallRef:
      callReference(body, opcode);
      drop(body);
      return;
    default:
      throw reader.unknown(at, opcode);
  }
}

function stepThrow(body: MeteredBody, opcode: number, at: number): void {
  switch (opcode) {
    case Op.unreachable:
      body.payAndStore();
      body.op(opcode);
      drop(body);
      return;
    case Op.throw:
    case Op.rethrow:
    case Op.throwRef:
      throwException(body, opcode);
      drop(body);
      return;
    default:
      throw body.reader.unknown(at, opcode);
  }
}

function stepPrefixed(body: MeteredBody, opcode: number, at: number): void {
  const { reader } = body;
  if (opcode === Op.misc) {
    misc(body, at);
    return;
  }
  if (opcode === Op.gc) {
    gc(body, at);
    return;
  }
  const sub = reader.leb();
  if (effectBehind(opcode, sub) !== Effect.plain) throw reader.unknown(at, opcode, sub);
  reader.position = at + 1;
  reader.skipImmediates(opcode);
  body.deferred += body.cost;
  body.copy(at);
}

function lebLength(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest >>>= 7) bytes++;
  return bytes;
}
