import { ByteWriter, coreModule } from '#wasm';
import type { Assembly } from './assembly.ts';
import { BodyReader } from './body-reader.ts';
import type { BranchHint } from './branch-hints.ts';
import { CountingCode } from './counting-code.ts';
import { MeteringError } from './errors.ts';
import { type Foresight, foresee, NO_FORESIGHT } from './foresight.ts';
import { type Label, type SimpleLoop, UNSET } from './label.ts';
import { exceptionBytes, objectBytes } from './object-size.ts';
import { EMPTY, Gc, I32, I64, Misc, Op } from './opcode.ts';
import { type FunctionPlan, LARGEST_WEIGHT } from './plan.ts';
import type { LoopFacts } from './survey.ts';

const { GC, Immediate, MISC, PLAIN } = coreModule;

/** How the inner loop copies an operator; everything else is `SPECIAL`. */
const SPECIAL = 0;
const BARE = 1;
const LEB = 2;
const LOCAL = 3;
const MEMORY = 4;
const BYTES4 = 5;
const BYTES8 = 6;

const ACTIONS: Uint8Array = Uint8Array.from(PLAIN, (kind, opcode) => {
  const plain = opcode === 0xd0 || opcode === 0xd1 || opcode === 0xd3 || opcode === 0xd4 || opcode === Op.select;
  if (!plain && (opcode < Op.localGet || opcode > 0xc4)) return SPECIAL;
  if (opcode === Op.globalGet || opcode === Op.globalSet || opcode === Op.memoryGrow) return SPECIAL;
  if (opcode >= Op.localGet && opcode <= Op.localTee) return LOCAL;
  if (kind === Immediate.none) return BARE;
  if (kind === Immediate.leb) return LEB;
  if (kind === Immediate.memory) return MEMORY;
  if (kind === Immediate.bytes4) return BYTES4;
  return kind === Immediate.bytes8 ? BYTES8 : SPECIAL;
});

/** How often the body of a simple loop is repeated, and the bytes that the copies may take. */
const MOST_COPIES = 4;
const UNROLLED_BYTES = 1000;
/** Ways out of a simple loop whose refill stands outside: each further loop costs a look at the stack. */
const MOST_EXITS = 1;
const NO_VALUES: Uint8Array = Uint8Array.of(EMPTY);
/** Locals that an engine takes. */
const MOST_LOCALS = 50_000;

export interface RewrittenBody {
  readonly locals: Uint8Array;
  readonly code: Uint8Array;
  /** Offsets count from the beginning of `code`. */
  readonly hints: readonly BranchHint[];
  /** Looks at the budget that were inserted, and payments between them. */
  readonly checks: number;
  readonly payments: number;
}

/** Thrown inside this file when a body needs foresight; rewriting begins again with it. */
const AGAIN = Symbol('again');

/**
 * Rewrites one function body after another so that it counts.
 *
 * The counter is an i64 local that runs down. At each point `consumed = given - counter + pending`, where `pending` is
 * known statically and not emitted until it must be: before calls, returns, and where ways meet that owe differently.
 */
export class FunctionRewriter extends CountingCode {
  readonly #assembly: Assembly;
  readonly #reader: BodyReader;
  readonly #bytes: Uint8Array;
  /** Fuel of every operator that is not free; in mode `deadline` functions and loops are charged as a whole. */
  readonly #cost: number;
  readonly #head = new ByteWriter();

  #plan: FunctionPlan = { convention: 'untouched', checked: false, entry: 0, weight: 0, operators: 0 };
  #labels: Label[] = [];
  #foresight: Foresight = NO_FORESIGHT;
  #level = 0;
  #unseen = 0;
  #parameters = 0;
  #shift = 0;
  #length32 = 0;
  #usesLength32 = false;
  #usesLength64 = false;
  #roomyLoops = 0;
  #start = 0;
  #guestHints: readonly BranchHint[] = [];
  #nextGuestHint = 0;

  constructor(assembly: Assembly) {
    super(assembly.fuel, assembly.refillHelper());
    this.#assembly = assembly;
    this.#bytes = assembly.module.bytes;
    this.#reader = new BodyReader(this.#bytes);
    this.#cost = assembly.plan.mode === 'fuel' ? 1 : 0;
  }

  /** The rewritten body, valid until the next call. `start` and `end` bound the body in the module. */
  rewrite(index: number, start: number, end: number, guestHints: readonly BranchHint[] = []): RewrittenBody {
    const reader = this.#reader;
    this.#start = start;
    this.#guestHints = guestHints;
    this.#plan = this.#assembly.plan.functions[index] as FunctionPlan;
    this.counts = this.#plan.convention !== 'untouched';
    reader.position = start;
    reader.end = end;
    const type = this.#assembly.functionType(index);
    const groups = reader.leb();
    const declarations = reader.position;
    let declared = 0;
    for (let n = 0; n < groups; n++) {
      declared += reader.leb();
      reader.skipValueType();
    }
    const body = reader.position;
    this.#parameters = type.parameters.length;
    const locals = this.#parameters + declared;
    if (locals + 3 > MOST_LOCALS) {
      throw new MeteringError(
        'METERING_TOO_LARGE',
        `function ${index} has ${locals} locals; metering needs three more`,
      );
    }
    const register = this.#plan.convention === 'register';
    this.#shift = register ? 1 : 0;
    this.counter = register ? this.#parameters : locals;
    this.#length32 = locals + 1;
    this.#foresight = NO_FORESIGHT;
    try {
      this.#body(type, body);
    } catch (thrown) {
      if (thrown !== AGAIN) throw thrown;
      this.#foresight = foresee(reader, body);
      this.#body(type, body);
    }
    return {
      locals: this.#locals(groups, declarations, body),
      code: this.out.subarray(0, this.length),
      hints: this.hints,
      checks: this.checks,
      payments: this.payments,
    };
  }

  #locals(groups: number, from: number, to: number): Uint8Array {
    const cell = this.#plan.convention === 'cell';
    const lengths = this.#usesLength64 ? 2 : this.#usesLength32 ? 1 : 0;
    const head = this.#head.clear().u32(groups + (cell ? 1 : 0) + lengths);
    head.raw(this.#bytes.subarray(from, to));
    if (cell) head.u8(1).u8(I64);
    if (lengths > 0) head.u8(1).u8(I32);
    if (lengths > 1) head.u8(1).u8(I64);
    return head.view();
  }

  #body(type: coreModule.FunctionType, start: number): void {
    const { convention, checked, entry } = this.#plan;
    this.#reader.position = start;
    this.length = 0;
    this.hints = [];
    this.checks = 0;
    this.payments = 0;
    this.#nextGuestHint = 0;
    this.pending = convention === 'untouched' ? 0 : entry;
    this.#unseen = 0;
    this.#usesLength32 = false;
    this.#usesLength64 = false;
    this.#roomyLoops = 0;
    this.#level = 0;
    if (convention === 'cell') this.load();
    if (this.#cost === 0 && convention !== 'untouched') {
      if (checked) this.payAndCheck();
      else this.pay(this.pending, 0);
    } else if (checked) this.check();
    if (convention !== 'untouched') {
      this.op(Op.block);
      this.#blockType(type);
      this.#level = 1;
    }
    const viaCell = this.#foresight.viaCell.has(0);
    const base = this.#foresight.paid.has(0) ? 0 : UNSET;
    this.#labels = [this.#newLabel(Op.block, base, viaCell)];
    (this.#labels[0] as Label).carries = type.results.length > 0;
    while (this.#labels.length > 0) this.#operators();
    if (this.#reader.position !== this.#reader.end) throw this.#reader.malformed('a body goes on behind its end');
  }

  #newLabel(opcode: number, base: number, viaCell: boolean): Label {
    return {
      opcode,
      base,
      reached: false,
      entry: this.pending,
      viaCell,
      hasElse: false,
      level: this.#level,
      unseenAtEntry: this.#unseen,
      unseen: 0,
      simple: undefined,
      isRoomy: false,
      carries: false,
    };
  }

  /** Copies operators until one that needs more than that, and treats it. */
  #operators(): void {
    const bytes = this.#bytes;
    const cost = this.#cost;
    const parameters = this.#parameters;
    let out = this.out;
    let position = this.#reader.position;
    let length = this.length;
    let counted = 0;
    for (;;) {
      if (length + 64 > out.length) {
        this.length = length;
        this.ensure(64);
        out = this.out;
      }
      const opcode = bytes[position] as number;
      const action = ACTIONS[opcode];
      if (action === BARE) {
        out[length++] = opcode;
        position++;
      } else if (action === LOCAL) {
        const short = bytes[position + 1] as number;
        out[length++] = opcode;
        if (short < 0x7f) {
          out[length++] = short >= parameters ? short + this.#shift : short;
          position += 2;
        } else {
          this.#reader.position = position + 1;
          const index = this.#reader.leb();
          position = this.#reader.position;
          this.length = length;
          this.u32(index >= parameters ? index + this.#shift : index);
          length = this.length;
        }
      } else if (action === LEB || action === MEMORY) {
        const second = bytes[position + 1] as number;
        out[length++] = opcode;
        out[length++] = second;
        position += 2;
        for (let byte = second; byte >= 0x80; ) out[length++] = byte = bytes[position++] as number;
        if (action === MEMORY) {
          for (let lebs = second < 0x80 && (second & 0x40) !== 0 ? 2 : 1; lebs > 0; lebs--) {
            let byte: number;
            do out[length++] = byte = bytes[position++] as number;
            while (byte >= 0x80);
          }
        }
      } else if (action === BYTES4 || action === BYTES8) {
        const size = action === BYTES4 ? 5 : 9;
        for (let n = 0; n < size; n++) out[length++] = bytes[position++] as number;
      } else break;
      counted += cost;
    }
    this.pending += counted;
    this.length = length;
    const at = position;
    if (at >= this.#reader.end) throw this.#reader.malformed('a body ends too early');
    this.#reader.position = at + 1;
    this.#special(bytes[at] as number, at);
  }

  #special(opcode: number, at: number): void {
    const reader = this.#reader;
    const cost = this.#cost;
    switch (opcode) {
      case Op.unreachable:
        this.payAndStore();
        this.op(opcode);
        this.#dead();
        return;
      case 0x01:
      case Op.drop:
        this.op(opcode);
        return;
      case Op.block:
      case Op.loop:
      case Op.if:
      case Op.try:
      case Op.tryTable:
        this.#open(opcode, at);
        return;
      case Op.else: {
        const label = this.#labels.at(-1) as Label;
        this.#edge(label);
        this.#otherwise(label);
        return;
      }
      case Op.catch:
      case Op.catchAll:
        this.#edge(this.#labels.at(-1) as Label);
        this.#catch(opcode);
        return;
      case Op.delegate:
      case Op.end:
        this.#close(opcode, false);
        return;
      case Op.throw:
      case Op.rethrow:
      case Op.throwRef: {
        this.pending += cost;
        this.payAndStore();
        const operand = opcode === Op.throwRef ? 0 : reader.leb();
        if (opcode === Op.throw) {
          const { module } = this.#assembly;
          this.#charge(exceptionBytes(this.#assembly.typeAt(module.tags[operand] as number)));
        }
        this.op(opcode);
        if (opcode === Op.throw) this.u32(operand);
        if (opcode === Op.rethrow) this.u32(this.#depth(this.#label(operand)));
        this.#dead();
        return;
      }
      case Op.br:
      case Op.brIf:
      case Op.brOnNull:
      case Op.brOnNonNull: {
        const label = this.#label(reader.leb());
        this.pending += cost;
        if (opcode === Op.brIf && this.#paysOnEdge(label)) {
          this.#branchPaying(label, at);
          return;
        }
        this.#edge(label);
        this.#moveHint(at);
        this.op(opcode);
        this.u32(this.#depth(label));
        if (opcode === Op.br) this.#dead();
        return;
      }
      case Op.brTable:
        this.pending += cost;
        this.#table();
        this.#dead();
        return;
      case Op.return:
        this.#leave();
        this.op(opcode);
        this.#dead();
        return;
      case Op.call:
        this.pending += cost;
        this.#call(reader.leb());
        return;
      case Op.callIndirect:
      case Op.returnCallIndirect: {
        const type = reader.leb();
        const table = reader.leb();
        this.pending += cost;
        this.#callIndirect(opcode, type, table);
        return;
      }
      case Op.callRef:
      case Op.returnCallRef: {
        const type = reader.leb();
        this.pending += cost;
        this.payAndCheck();
        this.store();
        this.op(opcode);
        this.u32(type);
        if (opcode === Op.callRef) this.load();
        else this.#dead();
        return;
      }
      case Op.returnCall:
        this.pending += cost;
        this.#returnCall(reader.leb());
        this.#dead();
        return;
      case Op.globalGet:
      case Op.globalSet:
        this.pending += cost;
        this.op(opcode);
        this.u32(this.#assembly.globalIndex(reader.leb()));
        return;
      case Op.refFunc:
        this.pending += cost;
        this.op(opcode);
        this.u32(this.#assembly.declaredReference(reader.leb()));
        return;
      case Op.memoryGrow:
        this.pending += cost;
        this.#throughRegister(this.#assembly.memoryGrow(reader.leb()));
        return;
      case Op.misc:
        this.#misc(at);
        return;
      case Op.gc:
        this.#gc(at);
        return;
      default:
        reader.skipImmediates(opcode);
        this.pending += cost;
        this.#copy(at);
    }
  }

  #open(opcode: number, at: number): void {
    const reader = this.#reader;
    const paid = this.#foresight.paid.has(at);
    const viaCell = this.#foresight.viaCell.has(at);
    if (opcode === Op.if || opcode === Op.try || opcode === Op.tryTable) this.pending += this.#cost;
    if (opcode === Op.loop) {
      reader.skipBlockType();
      this.#loop(at, paid, viaCell);
      return;
    }
    if (opcode === Op.if) this.#moveHint(at);
    this.op(opcode);
    const type = reader.position;
    const carries = this.#bytes[type] !== EMPTY;
    reader.skipBlockType();
    this.#copy(type);
    // The labels of catch clauses count from outside the block.
    if (opcode === Op.tryTable) this.#catches();
    this.#level++;
    const label = this.#newLabel(opcode, paid ? 0 : UNSET, viaCell);
    label.carries = carries;
    this.#labels.push(label);
  }

  #loop(at: number, paid: boolean, viaCell: boolean): void {
    if (!this.counts) throw this.#reader.malformed('a loop in a function without a counter');
    if (viaCell) this.payAndStore();
    else if (paid || this.#cost === 0) this.pay(this.pending, 0);
    const facts = this.#assembly.plan.loops.get(at);
    const body = this.#reader.position;
    if (facts?.simple === true && !viaCell && !this.#hasParameters(at + 1)) {
      const fitting = Math.floor(UNROLLED_BYTES / (facts.end - body));
      const copies = facts.turns > 0 ? Math.max(1, Math.min(MOST_COPIES, fitting)) : 1;
      const outside = facts.exits <= MOST_EXITS;
      if (copies > 1 || outside) {
        this.#simpleLoop(at, paid, facts, copies, outside);
        return;
      }
    }
    // Calls of imports in the loop find the room that is made before it: the stack is as deep at each turn.
    if (facts?.callsImport === true && this.#roomyLoops++ === 0) {
      this.op(Op.call);
      this.u32(this.#assembly.room);
    }
    this.#copy(at);
    this.#level++;
    if (viaCell) this.load();
    const label = this.#newLabel(Op.loop, this.pending, viaCell);
    label.carries = this.#hasParameters(at + 1);
    label.isRoomy = facts?.callsImport === true;
    this.#labels.push(label);
    this.refillIf(() => this.#turn(facts, 1));
  }

  /**
   * A loop that only computes. Its body is repeated, so that one look serves several turns; and where it has a single
   * exit the refill stands outside, in a loop around it, so that the engine still treats it as one without calls:
   * `block $exit (loop $again (block $empty (loop $loop (br_if $empty …) …)) (br $exit)) refill (br $again)))`
   */
  #simpleLoop(at: number, paid: boolean, facts: LoopFacts, copies: number, outside: boolean): void {
    const reader = this.#reader;
    const body = reader.position;
    const type = this.#bytes.subarray(at + 1, body);
    const exit = this.#begin(Op.block, type, UNSET);
    if (outside) {
      this.#begin(Op.loop, NO_VALUES, UNSET);
      this.#begin(Op.block, NO_VALUES, UNSET);
    }
    const loop = this.#begin(Op.loop, type, this.pending);
    loop.simple = {
      body,
      copies,
      paid,
      firstHint: this.#nextGuestHint,
      loop,
      exit,
      outside,
      hasResult: type[0] !== EMPTY,
    };
    if (outside) {
      this.#turn(facts, copies);
      this.hints.push({ offset: this.length, likely: false });
      this.op(Op.brIf);
      this.u32(1);
    } else this.refillIf(() => this.#turn(facts, copies));
    this.#nextCopy(loop.simple);
  }

  #begin(opcode: number, type: Uint8Array, base: number): Label {
    this.op(opcode);
    this.raw(type);
    this.#level++;
    return this.#newLabel(opcode, base, false);
  }

  /** Whether less than nothing is left at a loop's head, onto the stack. */
  #turn(facts: LoopFacts | undefined, turns: number): void {
    this.#unseen = 0;
    if (this.#cost === 0) {
      if (facts !== undefined) this.pending += turns * this.#assembly.plan.turnCost(facts);
      this.getPaid();
      this.op(Op.localTee);
      this.u32(this.counter);
    } else this.get();
    this.op(Op.i64Const);
    this.op(0);
    this.op(Op.i64LtS);
  }

  /** Reads the body of a simple loop once more: a branch back goes to the next copy, that of the last to the head. */
  #nextCopy(simple: SimpleLoop): void {
    this.#reader.position = simple.body;
    this.#nextGuestHint = simple.firstHint;
    if (--simple.copies === 0) {
      this.#labels.push(simple.loop);
      return;
    }
    const copy = this.#begin(Op.block, NO_VALUES, simple.paid ? 0 : UNSET);
    copy.simple = simple;
    this.#labels.push(copy);
  }

  #closeCopy(label: Label, simple: SimpleLoop, dead: boolean): void {
    const { exit } = simple;
    this.#labels.pop();
    if (!dead) this.#edge(exit);
    if (label !== simple.loop) {
      if (!dead) this.#branch(exit);
      this.op(Op.end);
      this.#level--;
      this.pending = label.base;
      this.#nextCopy(simple);
      return;
    }
    this.op(Op.end);
    this.#level--;
    if (simple.outside) {
      if (dead) this.op(Op.unreachable);
      else this.#branch(exit);
      this.op(Op.end);
      this.refillNow();
      this.op(Op.br);
      this.u32(0);
      this.op(Op.end);
      this.#level -= 2;
      if (simple.hasResult) this.op(Op.unreachable);
    }
    this.op(Op.end);
    this.#level--;
    this.pending = exit.base;
    this.#unseen = 0;
    if (!exit.reached) this.#stayDead();
  }

  #branch(label: Label): void {
    this.op(Op.br);
    this.u32(this.#depth(label));
  }

  /** Whether a block type names parameters. */
  #hasParameters(at: number): boolean {
    const first = this.#bytes[at] as number;
    if (first >= 0x40 && first < 0x80) return false;
    const { position } = this.#reader;
    this.#reader.position = at;
    const type = this.#assembly.typeAt(this.#reader.leb());
    this.#reader.position = position;
    return type.parameters.length > 0;
  }

  #otherwise(label: Label): void {
    label.hasElse = true;
    this.pending = label.entry;
    this.#unseen = label.unseenAtEntry;
    this.op(Op.else);
  }

  /** A handler of the legacy encoding: whoever threw left the counter in the shared cell. */
  #catch(opcode: number): void {
    this.op(opcode);
    if (opcode === Op.catch) this.u32(this.#reader.leb());
    this.#reload();
  }

  /** `end` and `delegate`; `dead` when control does not fall through to it. */
  #close(opcode: number, dead: boolean): void {
    const label = this.#labels.at(-1) as Label;
    if (label.simple !== undefined) {
      this.#closeCopy(label, label.simple, dead);
      return;
    }
    if (label.opcode === Op.loop) {
      if (label.isRoomy) this.#roomyLoops--;
      this.#labels.pop();
      this.#level--;
      this.op(Op.end);
      if (dead) this.#stayDead();
      return;
    }
    const bare = label.opcode === Op.if && !label.hasElse;
    if (bare && label.base === UNSET && !label.viaCell) label.base = label.entry;
    if (!dead) this.#edge(label);
    if (bare && (label.viaCell || label.base !== label.entry)) {
      this.#otherwise(label);
      this.#edge(label);
    } else if (bare) label.unseen = Math.max(label.unseen, label.unseenAtEntry);
    const reached = label.reached || bare;
    this.#labels.pop();
    const last = this.#labels.length === 0;
    if (!last || this.counts) {
      this.op(opcode);
      if (opcode === Op.delegate) this.u32(this.#level - 1 - this.#label(this.#reader.leb()).level);
      this.#level--;
    }
    if (reached) {
      this.pending = label.base;
      this.#unseen = label.unseen;
      if (label.viaCell) this.#reload();
    }
    if (last) {
      if (reached) this.#leave();
      else if (this.counts) this.op(Op.unreachable);
      this.op(Op.end);
    } else if (!reached) this.#stayDead();
  }

  /** The function's results are on the stack: pays, and gives the counter back by the function's convention. */
  #leave(): void {
    if (!this.counts) return;
    if (this.#plan.convention === 'cell') {
      this.payAndStore();
      return;
    }
    this.getPaid();
  }

  /** Brings the counter into the state that `label` expects, on this way to it and on the one that goes on. */
  #edge(label: Label): void {
    if (this.#unseen > label.unseen) label.unseen = this.#unseen;
    label.reached = true;
    if (label.viaCell) {
      this.payAndStore();
      label.base = 0;
    } else if (label.base === UNSET) label.base = this.pending;
    else this.pay(this.pending, label.base);
  }

  /**
   * Whether a conditional branch pays only where it is taken: forward, to where something else is owed. A chain of tests
   * that leave for one place then costs nothing while none is taken.
   */
  #paysOnEdge(label: Label): boolean {
    if (!this.counts || label.viaCell || label.carries || label.opcode === Op.loop || label.simple !== undefined)
      return false;
    return label.base !== UNSET && label.base !== this.pending;
  }

  #branchPaying(label: Label, at: number): void {
    const { pending } = this;
    this.#moveHint(at);
    this.op(Op.if);
    this.op(EMPTY);
    this.#level++;
    this.#edge(label);
    this.#branch(label);
    this.op(Op.end);
    this.#level--;
    this.pending = pending;
  }

  #table(): void {
    const reader = this.#reader;
    const count = reader.leb();
    const targets: Label[] = [];
    let base = UNSET;
    let viaCell = false;
    for (let n = 0; n <= count; n++) {
      const label = this.#label(reader.leb());
      targets.push(label);
      viaCell ||= label.viaCell;
      if (label.base !== UNSET) base = label.base;
    }
    if (viaCell) base = 0;
    else if (base === UNSET) base = this.pending;
    for (const label of targets) {
      if (this.#unseen > label.unseen) label.unseen = this.#unseen;
      label.reached = true;
      if (label.base === UNSET) label.base = base;
      else if (label.base !== base) throw AGAIN;
    }
    if (viaCell) this.payAndStore();
    else this.pay(this.pending, base);
    this.op(Op.brTable);
    this.u32(count);
    for (const label of targets) this.u32(this.#depth(label));
  }

  /** The catch clauses of `try_table`: their labels are reached with the counter in the cell. */
  #catches(): void {
    const reader = this.#reader;
    const count = reader.leb();
    this.u32(count);
    for (let n = 0; n < count; n++) {
      const kind = this.#bytes[reader.position++] as number;
      this.op(kind);
      if (kind < 2) this.u32(reader.leb());
      const label = this.#label(reader.leb());
      if (!label.viaCell) throw AGAIN;
      label.base = 0;
      label.reached = true;
      this.u32(this.#depth(label));
    }
  }

  #call(callee: number): void {
    const assembly = this.#assembly;
    const plan = assembly.plan.functions[callee];
    if (plan === undefined) {
      this.#throughRegister(assembly.importWrapper(callee, this.#roomyLoops > 0));
      return;
    }
    if (plan.weight > 0) {
      this.#unseen += plan.weight;
      if (this.#unseen > LARGEST_WEIGHT && this.counts) {
        this.payAndCheck();
        this.#unseen = plan.weight;
      }
    }
    const index = assembly.functionIndex(callee);
    if (plan.convention === 'untouched') {
      this.pending += plan.entry;
      this.op(Op.call);
      this.u32(index);
    } else if (plan.convention === 'register') {
      const { weight } = plan;
      const unseen = this.#unseen;
      this.#throughRegister(index);
      if (weight > 0) this.#unseen = unseen;
    } else {
      this.payAndStore();
      this.op(Op.call);
      this.u32(index);
      this.load();
      this.#unseen = 0;
    }
  }

  /** Calls a function of the `register` convention that looks at the budget. */
  #throughRegister(index: number): void {
    this.getPaid();
    this.op(Op.call);
    this.u32(index);
    this.set();
    this.#unseen = 0;
  }

  #callIndirect(opcode: number, type: number, table: number): void {
    const assembly = this.#assembly;
    const tail = opcode === Op.returnCallIndirect;
    const index = this.#assembly.plan.privateTables.has(table);
    if (index) {
      // The table index is on top of the operands, the counter belongs below it.
      this.#usesLength32 = true;
      const is64 = assembly.module.tables[table]?.limits.is64 === true;
      if (is64) this.#usesLength64 = true;
      const slot = this.#length32 + (is64 ? 1 : 0);
      this.op(Op.localSet);
      this.u32(slot);
      this.getPaid();
      this.op(Op.localGet);
      this.u32(slot);
      this.op(opcode);
      this.u32(assembly.registerType(type));
      this.u32(table);
      if (tail) this.#dead();
      else this.set();
      this.#unseen = 0;
      return;
    }
    this.payAndCheck();
    this.store();
    this.op(opcode);
    this.u32(type);
    this.u32(table);
    if (tail) this.#dead();
    else this.load();
  }

  #returnCall(callee: number): void {
    const assembly = this.#assembly;
    const plan = assembly.plan.functions[callee];
    if (plan === undefined) {
      this.payAndCheck();
      this.store();
      this.op(Op.call);
      this.u32(assembly.room);
    } else if (plan.convention === 'register') this.getPaid();
    else if (plan.convention === 'cell') this.payAndStore();
    else {
      // What is untouched returns to its caller at once: an ordinary call is as good.
      this.pending += plan.entry;
      this.op(Op.call);
      this.u32(assembly.functionIndex(callee));
      this.#leave();
      this.op(Op.return);
      return;
    }
    this.op(Op.returnCall);
    this.u32(assembly.functionIndex(callee));
  }

  #misc(at: number): void {
    const reader = this.#reader;
    const sub = reader.leb();
    const kind = MISC[sub] ?? Immediate.unknown;
    if (kind === Immediate.unknown) throw reader.unknown(at, Op.misc, sub);
    const { memories, tables } = this.#assembly.module;
    this.pending += this.#cost;
    const first = kind === Immediate.none ? 0 : reader.leb();
    const second = kind === Immediate.twoLebs ? reader.leb() : 0;
    const is64 = (n: number): boolean => (sub < Misc.tableInit ? memories[n]?.is64 : tables[n]?.limits.is64) === true;
    switch (sub) {
      case Misc.memoryInit:
      case Misc.tableInit:
        this.#bulk(false, 0);
        break;
      case Misc.memoryFill:
      case Misc.tableFill:
        this.#bulk(is64(first), 0);
        break;
      case Misc.memoryCopy:
      case Misc.tableCopy:
        this.#bulk(is64(first) && is64(second), 0);
        break;
      case Misc.tableGrow:
        this.#throughRegister(this.#assembly.tableGrow(first));
        return;
    }
    this.#copy(at);
  }

  #gc(at: number): void {
    const reader = this.#reader;
    const sub = reader.leb();
    const kind = GC[sub] ?? Immediate.unknown;
    if (kind === Immediate.unknown) throw reader.unknown(at, Op.gc, sub);
    this.pending += this.#cost;
    if (sub === Gc.brOnCast || sub === Gc.brOnCastFail) {
      const flags = reader.position++;
      const label = this.#label(reader.leb());
      const types = reader.position;
      reader.skipLeb();
      reader.skipLeb();
      this.#edge(label);
      this.op(Op.gc);
      this.u32(sub);
      this.op(this.#bytes[flags] as number);
      this.u32(this.#depth(label));
      this.#copy(types);
      return;
    }
    const operands = reader.position;
    const first = kind === Immediate.none ? 0 : reader.leb();
    const second = kind === Immediate.twoLebs ? reader.leb() : 0;
    reader.position = operands;
    reader.skipKind(kind, Op.gc, at);
    const type = this.#assembly.module.types[first];
    switch (sub) {
      case Gc.structNew:
      case Gc.structNewDefault:
        this.#charge(objectBytes(type));
        break;
      case Gc.arrayNewFixed:
        this.#charge(objectBytes(type, second));
        break;
      case Gc.arrayNew:
      case Gc.arrayNewDefault:
      case Gc.arrayNewData:
      case Gc.arrayNewElem:
        this.#bulk(false, type?.kind === 'array' ? type.element.size : 16);
        break;
      case Gc.arrayFill:
      case Gc.arrayCopy:
      case Gc.arrayInitData:
      case Gc.arrayInitElem:
        this.#bulk(false, 0);
    }
    this.#copy(at);
  }

  /** Charges the length on top of the stack before the operation; `elementBytes` when it allocates that many of them. */
  #bulk(is64: boolean, elementBytes: number): void {
    const length = this.#length32 + (is64 ? 1 : 0);
    if (is64) this.#usesLength64 = true;
    else this.#usesLength32 = true;
    this.op(Op.localSet);
    this.u32(length);
    this.getPaid();
    this.op(Op.localGet);
    this.u32(length);
    if (is64) this.#saturate(length);
    else this.op(Op.i64ExtendI32U);
    this.op(Op.i64Sub);
    this.checkTop();
    if (elementBytes > 0) {
      this.op(Op.localGet);
      this.u32(length);
      this.op(Op.i64ExtendI32U);
      this.op(Op.i64Const);
      this.signed(elementBytes);
      this.op(Op.i64Mul);
      this.op(Op.i64Const);
      this.signed(16);
      this.op(Op.i64Add);
      this.op(Op.call);
      this.u32(this.#assembly.allocateHelper());
    }
    this.op(Op.localGet);
    this.u32(length);
  }

  /** min(length, 2^62), so that no 64-bit length wraps the counter around. */
  #saturate(length: number): void {
    const most = Uint8Array.of(Op.i64Const, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00);
    this.raw(most);
    this.op(Op.localGet);
    this.u32(length);
    this.raw(most);
    this.op(Op.i64LtU);
    this.op(Op.select);
  }

  /** Charges `bytes` of the store's memory. */
  #charge(bytes: number): void {
    this.op(Op.i64Const);
    this.signed(bytes);
    this.op(Op.call);
    this.u32(this.#assembly.allocateHelper());
  }

  /** Control does not reach here, but a validator believes it: make the stack polymorphic, then go on dropping. */
  #stayDead(): void {
    this.op(Op.unreachable);
    this.#dropping = true;
    if (!this.#isDropping) this.#dead();
  }

  #dropping = false;
  #isDropping = false;

  /** Control does not go on: everything up to where it can arrive again is dropped. */
  #dead(): void {
    const reader = this.#reader;
    this.#isDropping = true;
    do {
      this.#dropping = false;
      reader.skipDead();
      const opcode = this.#bytes[reader.position++] as number;
      const label = this.#labels.at(-1) as Label;
      if (opcode === Op.else) this.#otherwise(label);
      else if (opcode === Op.catch || opcode === Op.catchAll) this.#catch(opcode);
      else this.#close(opcode, true);
    } while (this.#dropping);
    this.#isDropping = false;
  }

  #label(depth: number): Label {
    const label = this.#labels[this.#labels.length - 1 - depth];
    if (label === undefined) throw this.#reader.malformed(`no label ${depth}`);
    return label;
  }

  #depth(label: Label): number {
    return this.#level - label.level;
  }

  /** Keeps the guest's own hint for the branch at `at`, which is written next. */
  #moveHint(at: number): void {
    if (this.#guestHints.length === 0) return;
    const offset = at - this.#start;
    while ((this.#guestHints[this.#nextGuestHint]?.offset ?? offset) < offset) this.#nextGuestHint++;
    const hint = this.#guestHints[this.#nextGuestHint];
    if (hint?.offset === offset) this.hints.push({ offset: this.length, likely: hint.likely });
  }

  /** Copies what was read since `from`. */
  #copy(from: number): void {
    this.raw(this.#bytes.subarray(from, this.#reader.position));
  }

  /** After an exception: the counter is what the thrower stored, and the budget is looked at again. */
  #reload(): void {
    this.load();
    this.check();
    this.pending = 0;
    this.#unseen = 0;
  }

  #blockType(type: coreModule.FunctionType): void {
    const [first] = type.results;
    if (first === undefined) this.op(EMPTY);
    else if (type.results.length === 1) this.raw(first.bytes);
    else {
      this.signed(
        this.#assembly.typeIndex(
          [],
          type.results.map(({ bytes }) => bytes),
        ),
      );
    }
  }
}
