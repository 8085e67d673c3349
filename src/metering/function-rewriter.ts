import { ByteWriter, coreModule } from '#wasm';
import type { Assembly } from './assembly.ts';
import { MeteringError } from './errors.ts';
import { EMPTY, Gc, I32, I64, Misc, Op } from './opcode.ts';

const { GC, Immediate, MISC, PLAIN, VECTOR } = coreModule;

/** What the counting charges. */
export interface CostModel {
  /** For every operator that is not free. */
  readonly operator: number;
  /** For entering a function. */
  readonly entry: number;
  /** For each turn of a loop, at its head. */
  readonly turn: number;
}

/** No pending cost is known yet: nothing has branched to the label. */
const UNSET = Number.MIN_SAFE_INTEGER;

/** A label. `base` is the cost that is pending when control arrives there, the same on every way to it. */
interface Label {
  opcode: number;
  base: number;
  /** What is pending at the entry of an `if`, and so of its `else`. */
  entry: number;
  /** Exceptions arrive here: the counter is in the shared cell and nothing is pending. */
  viaCell: boolean;
  hasElse: boolean;
}

/** Where a branch instruction stands, in bytes from the beginning of its body, and whether it is likely taken. */
export interface BranchHint {
  readonly offset: number;
  readonly likely: boolean;
}

export interface RewrittenBody {
  readonly locals: Uint8Array;
  readonly code: Uint8Array;
  /** Offsets count from the beginning of `code`. */
  readonly hints: readonly BranchHint[];
}

/** Labels (by the offset of what opens them) that need a base known before their first branch. */
interface Foresight {
  readonly viaCell: ReadonlySet<number>;
  readonly paid: ReadonlySet<number>;
}

const NOTHING: Foresight = { viaCell: new Set(), paid: new Set() };

/** Thrown inside this file when a body needs foresight; rewriting begins again with it. */
const AGAIN = Symbol('again');

/**
 * Rewrites one function body after another so that it counts.
 *
 * The counter is an i64 local that runs down. At each point `consumed = given - counter + pending`, where `pending` is
 * known statically and not emitted until it must be: before calls, returns, and where ways meet that owe differently.
 */
export class FunctionRewriter {
  readonly #assembly: Assembly;
  readonly #bytes: Uint8Array;
  readonly #costs: CostModel;
  readonly #refill: number;
  #out = new Uint8Array(1 << 16);
  #length = 0;

  #position = 0;
  #copied = 0;
  #end = 0;
  #pending = 0;
  #labels: Label[] = [];
  #foresight = NOTHING;
  #counter = 0;
  #usesLength32 = false;
  #usesLength64 = false;
  /** Control cannot reach what is read: it is dropped. */
  #dropping = false;
  #start = 0;
  #guestHints: readonly BranchHint[] = [];
  #nextGuestHint = 0;
  #hints: BranchHint[] = [];

  constructor(assembly: Assembly, costs: CostModel) {
    this.#assembly = assembly;
    this.#bytes = assembly.module.bytes;
    this.#costs = costs;
    this.#refill = assembly.refillHelper();
  }

  /** The rewritten body without its size, valid until the next call. `start` and `end` bound the body in the module. */
  rewrite(index: number, start: number, end: number, guestHints: readonly BranchHint[] = []): RewrittenBody {
    this.#start = start;
    this.#guestHints = guestHints;
    this.#position = start;
    this.#end = end;
    const type = this.#assembly.functionType(index);
    const groups = this.#leb();
    let locals = type.parameters.length;
    const declarations = this.#position;
    for (let n = 0; n < groups; n++) {
      locals += this.#leb();
      this.#skipValueType();
    }
    const body = this.#position;
    if (locals + 3 > 50_000) {
      throw new MeteringError(
        'METERING_TOO_LARGE',
        `function ${index} has ${locals} locals; metering needs three more`,
      );
    }
    this.#counter = locals;
    this.#foresight = NOTHING;
    try {
      this.#body(type, body);
    } catch (thrown) {
      if (thrown !== AGAIN) throw thrown;
      this.#foresight = this.#foresee(body);
      this.#body(type, body);
    }
    return {
      locals: this.#locals(groups, declarations, body),
      code: this.#out.subarray(0, this.#length),
      hints: this.#hints,
    };
  }

  #locals(groups: number, from: number, to: number): Uint8Array {
    const added = [1, I64];
    if (this.#usesLength32 || this.#usesLength64) added.push(1, I32);
    if (this.#usesLength64) added.push(1, I64);
    const own = this.#bytes.subarray(from, to);
    const writer = new ByteWriter(own.length + 16).u32(groups + added.length / 2);
    return writer.raw(own).raw(Uint8Array.from(added)).view();
  }

  #body(type: coreModule.FunctionType, start: number): void {
    this.#position = start;
    this.#copied = start;
    this.#length = 0;
    this.#hints = [];
    this.#nextGuestHint = 0;
    this.#pending = this.#costs.entry;
    this.#usesLength32 = false;
    this.#usesLength64 = false;
    this.#load();
    this.#check();
    this.#op(Op.block);
    this.#blockType(type);
    const viaCell = this.#foresight.viaCell.has(0);
    const base = this.#foresight.paid.has(0) ? 0 : UNSET;
    this.#labels = [{ opcode: Op.block, base, entry: 0, viaCell, hasElse: false }];
    this.#dropping = false;
    while (this.#labels.length > 0) {
      if (this.#dropping) this.#skipDead();
      else this.#operator();
    }
    if (this.#position !== this.#end) throw this.#malformed('a body goes on behind its end');
  }

  #operator(): void {
    const bytes = this.#bytes;
    const cost = this.#costs.operator;
    for (;;) {
      const at = this.#position;
      if (at >= this.#end) throw this.#malformed('a body ends too early');
      const opcode = bytes[this.#position++] as number;
      if (opcode > Op.callIndirect && opcode !== Op.globalGet && opcode !== Op.globalSet) {
        const kind = PLAIN[opcode] as number;
        if (opcode >= Op.localGet && opcode < Op.refFunc && opcode !== Op.memoryGrow) {
          this.#skip(kind, opcode);
          this.#pending += cost;
          continue;
        }
      }
      this.#special(opcode, at);
      return;
    }
  }

  #special(opcode: number, at: number): void {
    const { operator: cost } = this.#costs;
    switch (opcode) {
      case Op.unreachable:
        this.#flush(at);
        this.#payAndStore();
        this.#dead();
        return;
      case 0x01:
      case Op.drop:
        return;
      case Op.block:
      case Op.loop:
      case Op.if:
      case Op.try:
      case Op.tryTable:
        if (opcode === Op.if) this.#moveHint(at);
        this.#open(opcode, at);
        return;
      case Op.else:
        this.#else(at);
        return;
      case Op.catch:
      case Op.catchAll:
        if (opcode === Op.catch) this.#leb();
        this.#catch(at);
        return;
      case Op.delegate:
        this.#leb();
        this.#close(at, false);
        return;
      case Op.end:
        this.#close(at, false);
        return;
      case Op.throw: {
        const tag = this.#leb();
        this.#pending += cost;
        this.#flush(at);
        this.#payAndStore();
        this.#charge(exceptionBytes(this.#assembly.typeAt(this.#assembly.module.tags[tag] as number)));
        this.#dead();
        return;
      }
      case Op.rethrow:
        this.#leb();
        this.#pending += cost;
        this.#flush(at);
        this.#payAndStore();
        this.#dead();
        return;
      case Op.throwRef:
        this.#pending += cost;
        this.#flush(at);
        this.#payAndStore();
        this.#dead();
        return;
      case Op.br: {
        const label = this.#label(this.#leb());
        this.#pending += cost;
        this.#flush(at);
        this.#edge(label);
        this.#dead();
        return;
      }
      case Op.brIf:
      case Op.brOnNull:
      case Op.brOnNonNull: {
        const label = this.#label(this.#leb());
        this.#pending += cost;
        this.#flush(at);
        this.#edge(label);
        this.#moveHint(at);
        return;
      }
      case Op.brTable:
        this.#pending += cost;
        this.#table(at);
        this.#dead();
        return;
      case Op.return:
        this.#flush(at);
        this.#payAndStore();
        this.#dead();
        return;
      case Op.call:
        this.#pending += cost;
        this.#call(this.#leb(), at);
        return;
      case Op.callIndirect:
        this.#leb();
        this.#leb();
        this.#pending += cost;
        this.#unknownCall(at);
        return;
      case Op.callRef:
        this.#leb();
        this.#pending += cost;
        this.#unknownCall(at);
        return;
      case Op.returnCall: {
        const callee = this.#leb();
        this.#pending += cost;
        this.#flush(at);
        if (callee < this.#assembly.module.imported.function) {
          this.#payAndCheck();
          this.#store();
          this.#op(Op.call);
          this.#u32(this.#assembly.room);
        } else this.#payAndStore();
        this.#copied = this.#position;
        this.#op(Op.returnCall);
        this.#u32(this.#assembly.functionIndex(callee));
        this.#dropping = true;
        return;
      }
      case Op.returnCallIndirect:
      case Op.returnCallRef:
        this.#leb();
        if (opcode === Op.returnCallIndirect) this.#leb();
        this.#pending += cost;
        this.#flush(at);
        this.#payAndCheck();
        this.#store();
        this.#dead();
        return;
      case Op.globalGet:
      case Op.globalSet: {
        const index = this.#leb();
        this.#pending += cost;
        this.#replace(at, opcode, this.#assembly.globalIndex(index));
        return;
      }
      case Op.refFunc: {
        const index = this.#leb();
        this.#pending += cost;
        this.#replace(at, opcode, this.#assembly.reference(index));
        return;
      }
      case Op.memoryGrow: {
        const memory = this.#leb();
        this.#pending += cost;
        this.#throughCell(at, this.#assembly.memoryGrow(memory));
        return;
      }
      case Op.misc:
        this.#misc(at);
        return;
      case Op.gc:
        this.#gc(at);
        return;
      case Op.vector: {
        const sub = this.#leb();
        const kind = VECTOR[sub] ?? Immediate.unknown;
        if (kind === Immediate.unknown) throw this.#unknown(at, opcode, sub);
        this.#skip(kind, opcode);
        this.#pending += cost;
        return;
      }
      default: {
        const kind = PLAIN[opcode] as number;
        if (kind === Immediate.unknown) throw this.#unknown(at, opcode);
        this.#skip(kind, opcode);
        this.#pending += cost;
      }
    }
  }

  #open(opcode: number, at: number): void {
    const paid = this.#foresight.paid.has(at);
    const viaCell = this.#foresight.viaCell.has(at);
    this.#skipBlockType();
    if (opcode === Op.if || opcode === Op.try || opcode === Op.tryTable) this.#pending += this.#costs.operator;
    if (opcode === Op.tryTable) this.#catches();
    const label: Label = { opcode, base: paid ? 0 : UNSET, entry: this.#pending, viaCell, hasElse: false };
    if (opcode !== Op.loop) {
      this.#labels.push(label);
      return;
    }
    this.#flush(at);
    if (viaCell) this.#payAndStore();
    else if (paid || this.#costs.turn > 0) this.#pay(this.#pending, 0);
    label.base = this.#pending;
    this.#labels.push(label);
    this.#flush(this.#position);
    if (viaCell) this.#load();
    const turn = this.#costs.turn;
    if (turn === 0) this.#check();
    else {
      this.#pending += turn;
      this.#payAndCheck();
    }
  }

  #else(at: number): void {
    const label = this.#labels.at(-1) as Label;
    this.#flush(at);
    this.#edge(label);
    label.hasElse = true;
    this.#pending = label.entry;
    this.#flush(this.#position);
  }

  /** A handler of the legacy encoding: whoever threw left the counter in the shared cell. */
  #catch(at: number): void {
    const label = this.#labels.at(-1) as Label;
    this.#flush(at);
    this.#edge(label);
    this.#flush(this.#position);
    this.#reload();
  }

  /** `end` and `delegate`; `dead` when control does not fall through to it. */
  #close(at: number, dead: boolean): void {
    const label = this.#labels.at(-1) as Label;
    this.#flush(at);
    if (label.opcode === Op.loop) {
      this.#labels.pop();
      this.#flush(this.#position);
      if (dead) this.#stayDead();
      return;
    }
    const bare = label.opcode === Op.if && !label.hasElse;
    if (bare && label.base === UNSET && !label.viaCell) label.base = label.entry;
    if (!dead) this.#edge(label);
    if (bare && (label.viaCell || label.base !== label.entry)) {
      this.#op(Op.else);
      this.#pending = label.entry;
      this.#edge(label);
    }
    const reached = label.base !== UNSET;
    this.#labels.pop();
    if (this.#labels.length === 0) {
      this.#finish(label, reached);
      return;
    }
    this.#flush(this.#position);
    if (!reached) {
      this.#stayDead();
      return;
    }
    this.#pending = label.base;
    if (label.viaCell) this.#reload();
  }

  /** The end of the body: what the block around it leaves is the result, and the counter goes into the cell. */
  #finish(label: Label, reached: boolean): void {
    this.#op(Op.end);
    this.#copied = this.#position;
    if (reached) {
      this.#pending = label.base;
      if (label.viaCell) this.#reload();
      this.#payAndStore();
    } else this.#op(Op.unreachable);
    this.#op(Op.end);
  }

  /** Brings the counter into the state that `label` expects, on this way to it and on the one that goes on. */
  #edge(label: Label): void {
    if (label.viaCell) {
      this.#payAndStore();
      label.base = 0;
    } else if (label.base === UNSET) label.base = this.#pending;
    else this.#pay(this.#pending, label.base);
  }

  #table(at: number): void {
    const count = this.#leb();
    const targets = new Set<Label>();
    for (let n = 0; n <= count; n++) targets.add(this.#label(this.#leb()));
    this.#flush(at);
    let base = UNSET;
    let viaCell = false;
    for (const label of targets) {
      viaCell ||= label.viaCell;
      if (label.base !== UNSET) base = label.base;
    }
    if (viaCell) base = 0;
    else if (base === UNSET) base = this.#pending;
    for (const label of targets) {
      if (label.base === UNSET) label.base = base;
      else if (label.base !== base) throw AGAIN;
    }
    if (viaCell) this.#payAndStore();
    else this.#pay(this.#pending, base);
  }

  /** Keeps the guest's own hint for the branch at `at`, which is copied next. */
  #moveHint(at: number): void {
    const offset = at - this.#start;
    while ((this.#guestHints[this.#nextGuestHint]?.offset ?? offset) < offset) this.#nextGuestHint++;
    const hint = this.#guestHints[this.#nextGuestHint];
    if (hint?.offset !== offset) return;
    this.#flush(at);
    this.#hints.push({ offset: this.#length, likely: hint.likely });
  }

  /** The catch clauses of `try_table`: their labels are reached with the counter in the cell. */
  #catches(): void {
    const count = this.#leb();
    for (let n = 0; n < count; n++) {
      const kind = this.#bytes[this.#position++] as number;
      if (kind < 2) this.#leb();
      const label = this.#label(this.#leb());
      if (!label.viaCell) throw AGAIN;
      label.base = 0;
    }
  }

  #call(callee: number, at: number): void {
    const assembly = this.#assembly;
    const imported = callee < assembly.module.imported.function;
    this.#throughCell(at, imported ? assembly.importWrapper(callee) : assembly.functionIndex(callee));
  }

  /** Calls `callee` in place of the operator at `at`, with the counter in the cell meanwhile. */
  #throughCell(at: number, callee: number): void {
    this.#flush(at);
    this.#payAndStore();
    this.#op(Op.call);
    this.#u32(callee);
    this.#copied = this.#position;
    this.#load();
  }

  /** A call of what cannot be known: it may be an import. */
  #unknownCall(at: number): void {
    this.#flush(at);
    this.#payAndCheck();
    this.#store();
    this.#flush(this.#position);
    this.#load();
  }

  #misc(at: number): void {
    const sub = this.#leb();
    const kind = MISC[sub] ?? Immediate.unknown;
    if (kind === Immediate.unknown) throw this.#unknown(at, Op.misc, sub);
    const { memories, tables } = this.#assembly.module;
    this.#pending += this.#costs.operator;
    const first = kind === Immediate.none ? 0 : this.#leb();
    const second = kind === Immediate.twoLebs ? this.#leb() : 0;
    switch (sub) {
      case Misc.memoryInit:
      case Misc.tableInit:
        this.#bulk(at, false, 0);
        return;
      case Misc.memoryFill:
        this.#bulk(at, memories[first]?.is64 === true, 0);
        return;
      case Misc.memoryCopy:
        this.#bulk(at, memories[first]?.is64 === true && memories[second]?.is64 === true, 0);
        return;
      case Misc.tableFill:
        this.#bulk(at, tables[first]?.limits.is64 === true, 0);
        return;
      case Misc.tableCopy:
        this.#bulk(at, tables[first]?.limits.is64 === true && tables[second]?.limits.is64 === true, 0);
        return;
      case Misc.tableGrow:
        this.#throughCell(at, this.#assembly.tableGrow(first));
    }
  }

  #gc(at: number): void {
    const sub = this.#leb();
    const kind = GC[sub] ?? Immediate.unknown;
    if (kind === Immediate.unknown) throw this.#unknown(at, Op.gc, sub);
    this.#pending += this.#costs.operator;
    if (sub === Gc.brOnCast || sub === Gc.brOnCastFail) {
      this.#position++;
      const label = this.#label(this.#leb());
      this.#leb();
      this.#leb();
      this.#flush(at);
      this.#edge(label);
      return;
    }
    const first = kind === Immediate.none ? 0 : this.#leb();
    const second = kind === Immediate.twoLebs ? this.#leb() : 0;
    const type = this.#assembly.module.types[first];
    switch (sub) {
      case Gc.structNew:
      case Gc.structNewDefault:
        this.#flush(at);
        this.#charge(objectBytes(type));
        return;
      case Gc.arrayNewFixed:
        this.#flush(at);
        this.#charge(objectBytes(type, second));
        return;
      case Gc.arrayNew:
      case Gc.arrayNewDefault:
      case Gc.arrayNewData:
      case Gc.arrayNewElem:
        this.#bulk(at, false, type?.kind === 'array' ? type.element.size : 16);
        return;
      case Gc.arrayFill:
      case Gc.arrayCopy:
      case Gc.arrayInitData:
      case Gc.arrayInitElem:
        this.#bulk(at, false, 0);
    }
  }

  /** Charges the length on top of the stack before the operation; `elementBytes` when it allocates that many of them. */
  #bulk(at: number, is64: boolean, elementBytes: number): void {
    const length = this.#counter + (is64 ? 2 : 1);
    if (is64) this.#usesLength64 = true;
    else this.#usesLength32 = true;
    this.#flush(at);
    this.#op(Op.localSet);
    this.#u32(length);
    this.#get();
    if (this.#pending !== 0) {
      this.#op(Op.i64Const);
      this.#signed(this.#pending);
      this.#op(Op.i64Sub);
    }
    this.#op(Op.localGet);
    this.#u32(length);
    if (is64) this.#saturate(length);
    else this.#op(Op.i64ExtendI32U);
    this.#op(Op.i64Sub);
    this.#pending = 0;
    this.#checkTop();
    if (elementBytes > 0) {
      this.#op(Op.localGet);
      this.#u32(length);
      this.#op(Op.i64ExtendI32U);
      this.#op(Op.i64Const);
      this.#signed(elementBytes);
      this.#op(Op.i64Mul);
      this.#op(Op.i64Const);
      this.#signed(16);
      this.#op(Op.i64Add);
      this.#op(Op.call);
      this.#u32(this.#assembly.allocateHelper());
    }
    this.#op(Op.localGet);
    this.#u32(length);
  }

  /** min(length, 2^62), so that no 64-bit length wraps the counter around. */
  #saturate(length: number): void {
    const most = Uint8Array.of(Op.i64Const, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0xc0, 0x00);
    this.#raw(most);
    this.#op(Op.localGet);
    this.#u32(length);
    this.#raw(most);
    this.#op(Op.i64LtU);
    this.#op(Op.select);
  }

  /** Charges `bytes` of the store's memory. */
  #charge(bytes: number): void {
    this.#op(Op.i64Const);
    this.#signed(bytes);
    this.#op(Op.call);
    this.#u32(this.#assembly.allocateHelper());
  }

  /** What was copied so far ends in an operator that does not go on: all up to the next label is dropped. */
  #dead(): void {
    this.#flush(this.#position);
    this.#dropping = true;
  }

  /** Control does not reach here, but a validator believes it: make the stack polymorphic, then go on dropping. */
  #stayDead(): void {
    this.#op(Op.unreachable);
    this.#dropping = true;
  }

  #skipDead(): void {
    let depth = 0;
    this.#dropping = false;
    for (;;) {
      const at = this.#position;
      if (at >= this.#end) throw this.#malformed('a body ends too early');
      const opcode = this.#bytes[this.#position++] as number;
      if (depth === 0 && (opcode === Op.else || opcode === Op.catch || opcode === Op.catchAll)) {
        if (opcode === Op.catch) this.#leb();
        this.#copied = at;
        this.#flush(this.#position);
        const label = this.#labels.at(-1) as Label;
        if (opcode !== Op.else) this.#reload();
        else {
          label.hasElse = true;
          this.#pending = label.entry;
        }
        return;
      }
      if (opcode === Op.delegate || opcode === Op.end) {
        if (opcode === Op.delegate) this.#leb();
        if (depth === 0) {
          this.#copied = at;
          this.#close(at, true);
          return;
        }
        depth--;
        continue;
      }
      const kind = PLAIN[opcode] as number;
      if (kind === Immediate.unknown) throw this.#unknown(at, opcode);
      if (kind === Immediate.block || kind === Immediate.catches) depth++;
      this.#skip(kind, opcode);
    }
  }

  /** One pass over the body for the labels that exceptions reach and those of branch tables. */
  #foresee(start: number): Foresight {
    const viaCell = new Set<number>();
    const paid = new Set<number>();
    const open: number[] = [0];
    const mark = (set: Set<number>): void => {
      const opener = open[open.length - 1 - this.#leb()];
      if (opener !== undefined) set.add(opener);
    };
    this.#position = start;
    while (this.#position < this.#end) {
      const at = this.#position;
      const opcode = this.#bytes[this.#position++] as number;
      if (opcode === Op.brTable) {
        for (let left = this.#leb(); left >= 0; left--) mark(paid);
      } else if (opcode === Op.tryTable) {
        this.#skipBlockType();
        for (let left = this.#leb(); left > 0; left--) {
          if ((this.#bytes[this.#position++] as number) < 2) this.#leb();
          mark(viaCell);
        }
        open.push(at);
      } else {
        const kind = PLAIN[opcode] as number;
        if (kind === Immediate.unknown) throw this.#unknown(at, opcode);
        if (kind === Immediate.block) open.push(at);
        if (opcode === Op.end || opcode === Op.delegate) open.pop();
        this.#skip(kind, opcode);
      }
    }
    return { viaCell, paid };
  }

  // Reading.

  #leb(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#position++] as number;
    if (byte < 0x80) return byte;
    let result = byte & 0x7f;
    for (let factor = 0x80; ; factor *= 0x80) {
      byte = bytes[this.#position++] as number;
      if (byte === undefined) throw this.#malformed('the bytes end too early');
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) return result;
    }
  }

  #skipLeb(): void {
    while ((this.#bytes[this.#position++] as number) >= 0x80);
  }

  #skipValueType(): void {
    const code = this.#bytes[this.#position++] as number;
    if (code === 0x63 || code === 0x64) this.#skipLeb();
  }

  /** A block type is `empty`, a value type or a type index; of these only references go on behind one LEB128. */
  #skipBlockType(): void {
    const code = this.#bytes[this.#position] as number;
    if (code === 0x63 || code === 0x64) this.#position++;
    this.#skipLeb();
  }

  #skip(kind: number, opcode: number): void {
    switch (kind) {
      case Immediate.none:
        return;
      case Immediate.leb:
        this.#skipLeb();
        return;
      case Immediate.twoLebs:
        this.#skipLeb();
        this.#skipLeb();
        return;
      case Immediate.memory:
        this.#skipMemory();
        return;
      case Immediate.memoryLane:
        this.#skipMemory();
        this.#position++;
        return;
      case Immediate.block:
        this.#skipBlockType();
        return;
      case Immediate.catches:
        this.#skipBlockType();
        for (let left = this.#leb(); left > 0; left--) {
          if ((this.#bytes[this.#position++] as number) < 2) this.#skipLeb();
          this.#skipLeb();
        }
        return;
      case Immediate.labels:
        for (let left = this.#leb(); left >= 0; left--) this.#skipLeb();
        return;
      case Immediate.types:
        for (let left = this.#leb(); left > 0; left--) this.#skipValueType();
        return;
      case Immediate.bytes4:
        this.#position += 4;
        return;
      case Immediate.bytes8:
        this.#position += 8;
        return;
      case Immediate.bytes16:
        this.#position += 16;
        return;
      case Immediate.byte:
        this.#position++;
        return;
      case Immediate.cast:
        this.#position++;
        this.#skipLeb();
        this.#skipLeb();
        this.#skipLeb();
        return;
      case Immediate.prefix: {
        const at = this.#position - 1;
        const sub = this.#leb();
        const table = opcode === Op.gc ? GC : opcode === Op.misc ? MISC : VECTOR;
        const inner = table[sub] ?? Immediate.unknown;
        if (inner === Immediate.unknown) throw this.#unknown(at, opcode, sub);
        this.#skip(inner, opcode);
        return;
      }
      default:
        throw this.#unknown(this.#position, opcode);
    }
  }

  #skipMemory(): void {
    const align = this.#leb();
    if ((align & 0x40) !== 0) this.#skipLeb();
    this.#skipLeb();
  }

  #label(depth: number): Label {
    const label = this.#labels[this.#labels.length - 1 - depth];
    if (label === undefined) throw this.#malformed(`no label ${depth}`);
    return label;
  }

  // Writing.

  #room(more: number): void {
    if (this.#length + more <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(this.#out.length * 2, this.#length + more));
    grown.set(this.#out.subarray(0, this.#length));
    this.#out = grown;
  }

  #op(byte: number): void {
    this.#room(1);
    this.#out[this.#length++] = byte;
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#out.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #u32(value: number): void {
    this.#room(5);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#out[this.#length++] = (rest % 0x80) | 0x80;
    this.#out[this.#length++] = rest;
  }

  #signed(value: number): void {
    this.#room(10);
    let rest = value;
    for (;;) {
      const low = ((rest % 0x80) + 0x80) % 0x80;
      rest = Math.floor(rest / 0x80);
      const last = (rest === 0 && low < 0x40) || (rest === -1 && low >= 0x40);
      this.#out[this.#length++] = last ? low : low | 0x80;
      if (last) return;
    }
  }

  /** Copies what was read and not yet written, up to `to`. */
  #flush(to: number): void {
    const size = to - this.#copied;
    if (size <= 0) return;
    this.#room(size);
    this.#out.set(this.#bytes.subarray(this.#copied, to), this.#length);
    this.#length += size;
    this.#copied = to;
  }

  #replace(at: number, opcode: number, index: number): void {
    this.#flush(at);
    this.#op(opcode);
    this.#u32(index);
    this.#copied = this.#position;
  }

  #get(): void {
    this.#op(Op.localGet);
    this.#u32(this.#counter);
  }

  #set(): void {
    this.#op(Op.localSet);
    this.#u32(this.#counter);
  }

  /** counter -= from - to; `to` is pending then. */
  #pay(from: number, to: number): void {
    this.#pending = to;
    if (from === to) return;
    this.#get();
    this.#op(Op.i64Const);
    this.#signed(from - to);
    this.#op(Op.i64Sub);
    this.#set();
  }

  #payAndStore(): void {
    this.#get();
    if (this.#pending !== 0) {
      this.#op(Op.i64Const);
      this.#signed(this.#pending);
      this.#op(Op.i64Sub);
      this.#op(Op.localTee);
      this.#u32(this.#counter);
    }
    this.#op(Op.globalSet);
    this.#u32(this.#assembly.fuel);
    this.#pending = 0;
  }

  #store(): void {
    this.#get();
    this.#op(Op.globalSet);
    this.#u32(this.#assembly.fuel);
  }

  #load(): void {
    this.#op(Op.globalGet);
    this.#u32(this.#assembly.fuel);
    this.#set();
  }

  /** After an exception: the counter is what the thrower stored, and the budget is looked at again. */
  #reload(): void {
    this.#load();
    this.#check();
    this.#pending = 0;
  }

  #check(): void {
    this.#get();
    this.#refillIfBelow();
  }

  /** The new counter is on the stack: keep it, and ask for more when it is below zero. */
  #checkTop(): void {
    this.#op(Op.localTee);
    this.#u32(this.#counter);
    this.#refillIfBelow();
  }

  #payAndCheck(): void {
    this.#get();
    if (this.#pending === 0) {
      this.#refillIfBelow();
      return;
    }
    this.#op(Op.i64Const);
    this.#signed(this.#pending);
    this.#op(Op.i64Sub);
    this.#pending = 0;
    this.#checkTop();
  }

  #refillIfBelow(): void {
    this.#op(Op.i64Const);
    this.#op(0);
    this.#op(Op.i64LtS);
    this.#hints.push({ offset: this.#length, likely: false });
    this.#op(Op.if);
    this.#op(EMPTY);
    this.#get();
    this.#op(Op.call);
    this.#u32(this.#refill);
    this.#set();
    this.#op(Op.end);
  }

  #blockType(type: coreModule.FunctionType): void {
    const [first] = type.results;
    if (first === undefined) this.#op(EMPTY);
    else if (type.results.length === 1) this.#raw(first.bytes);
    else
      this.#signed(
        this.#assembly.typeIndex(
          [],
          type.results.map(({ bytes }) => bytes),
        ),
      );
  }

  #unknown(at: number, opcode: number, sub?: number): MeteringError {
    const name = `0x${opcode.toString(16)}${sub === undefined ? '' : ` 0x${sub.toString(16)}`}`;
    if (opcode === Op.atomic) {
      return new MeteringError(
        'METERING_UNSUPPORTED',
        `atomic operator ${name} at offset ${at}: build without threads`,
        {
          details: { offset: at },
        },
      );
    }
    return new MeteringError(
      'METERING_UNKNOWN_OPERATOR',
      `opcode ${name} at offset ${at}; build for the features that docs/metering.md lists`,
      { details: { opcode, ...(sub === undefined ? {} : { suboperation: sub }), offset: at } },
    );
  }

  #malformed(what: string): MeteringError {
    return new MeteringError('METERING_INVALID_MODULE', `${what} at offset ${this.#position}`);
  }
}

/** What V8 allocates for an object: a header, and its fields or elements. */
export function objectBytes(type: coreModule.DefinedType | undefined, length = 0): number {
  if (type?.kind === 'struct') return 16 + type.fields.reduce((sum, { size }) => sum + size, 0);
  return 16 + length * (type?.kind === 'array' ? type.element.size : 16);
}

/** An exception's payload is kept as an array of small integers: two for each four bytes. */
function exceptionBytes(type: coreModule.FunctionType): number {
  return 64 + type.parameters.reduce((sum, { size }) => sum + 4 * size, 0);
}
