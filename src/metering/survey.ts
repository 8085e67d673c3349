import { coreModule } from '#wasm';
import { BodyReader } from './body-reader.ts';
import { Gc, Misc, Op } from './opcode.ts';

const { Immediate, PLAIN } = coreModule;

/** What one loop of a function is like. */
export interface LoopFacts {
  /** Operators in it, but for those of loops inside it. */
  operators: number;
  /** Functions called directly in it, once for each call, but for those of loops inside it. */
  readonly calls: number[];
  /** Without loops, calls, exceptions or anything that metering turns into a call. */
  simple: boolean;
  /** Ways out of it: branches to labels outside, returns, falling through. */
  exits: number;
  /** Branches back to its head. */
  turns: number;
  /** Calls an import, or a loop inside it does. */
  callsImport: boolean;
  /** Offset behind its `end`. */
  end: number;
  readonly depth: number;
}

/** What one function body is like, as far as reachable. */
export interface FunctionFacts {
  /** Operators outside of all loops, and in all. */
  operatorsOutside: number;
  operators: number;
  /** Functions called directly, once for each call; those called outside of loops. */
  readonly calls: number[];
  readonly callsOutside: number[];
  /** Functions tail-called directly, and tables through which functions are tail-called. */
  readonly tailCalls: number[];
  readonly tailTables: number[];
  /** Tail-calls an import or a reference. */
  tailCallsUnknown: boolean;
  callsUnknown: boolean;
  /** Needs the counter for more than its operators: operations by length, growth, allocation, exceptions. */
  charges: boolean;
  hasLoop: boolean;
  /** What every way through costs, its entry not counted; -1 when ways differ or it does more than compute. */
  evenCost: number;
}

const UNSET = -1;

const PASS_BARE = 1;
const PASS_LEB = 2;
const PASS_OTHER = 3;
/** How operators that do nothing but compute are passed; 0 for all others. */
const PASSES: Uint8Array = Uint8Array.from(PLAIN, (kind, opcode) => {
  if (opcode < Op.localGet || opcode > 0xc4 || opcode === Op.memoryGrow) return 0;
  if (opcode === 0x25 || opcode === 0x26 || kind === Immediate.unknown) return 0;
  if (kind === Immediate.none) return PASS_BARE;
  return kind === Immediate.leb ? PASS_LEB : PASS_OTHER;
});

interface Label {
  readonly opcode: number;
  base: number;
  readonly entry: number;
  hasElse: boolean;
  readonly loop: LoopFacts | undefined;
}

/** Reads every body once, before any is rewritten: conventions and checks depend on the whole module. */
export class Survey {
  readonly loops = new Map<number, LoopFacts>();
  /** Tables that bodies use otherwise than to call through them or to ask for their size. */
  readonly handledTables = new Set<number>();
  /** Type indices that are called through each table. */
  readonly calledTypes = new Map<number, Set<number>>();
  readonly #reader: BodyReader;
  readonly #imported: number;

  constructor(module: coreModule.CoreModule) {
    this.#reader = new BodyReader(module.bytes);
    this.#imported = module.imported.function;
  }

  read(start: number, end: number): FunctionFacts {
    const reader = this.#reader;
    reader.position = start;
    reader.end = end;
    for (let groups = reader.leb(); groups > 0; groups--) {
      reader.skipLeb();
      reader.skipValueType();
    }
    const facts: FunctionFacts = {
      operatorsOutside: 0,
      operators: 0,
      calls: [],
      callsOutside: [],
      tailCalls: [],
      tailTables: [],
      tailCallsUnknown: false,
      callsUnknown: false,
      charges: false,
      hasLoop: false,
      evenCost: 0,
    };
    this.#body(facts);
    return facts;
  }

  #body(facts: FunctionFacts): void {
    const reader = this.#reader;
    const { bytes } = reader;
    const labels: Label[] = [{ opcode: Op.block, base: UNSET, entry: 0, hasElse: false, loop: undefined }];
    const loops: LoopFacts[] = [];
    let cost = 0;
    let total = 0;
    let marked = 0;
    let even = true;

    const edge = (label: Label): void => {
      if (label.base === UNSET) label.base = cost;
      else if (label.base !== cost) even = false;
    };
    /** A branch to the label `depth` out, which may leave the innermost loop. */
    const branch = (depth: number): void => {
      const target = labels.length - 1 - depth;
      const label = labels[target];
      if (label === undefined) throw reader.malformed(`no label ${depth}`);
      edge(label);
      if (label.loop !== undefined) label.loop.turns++;
      const loop = loops.at(-1);
      if (loop !== undefined && loop.depth > target) loop.exits++;
    };
    const leave = (): void => {
      const loop = loops.at(-1);
      if (loop !== undefined) loop.exits++;
    };
    const complicate = (): void => {
      even = false;
      const loop = loops.at(-1);
      if (loop !== undefined) loop.simple = false;
    };
    /** Adds what was counted since the last mark to the loop that it stands in. */
    const mark = (): void => {
      const since = total - marked;
      marked = total;
      const loop = loops.at(-1);
      if (loop === undefined) facts.operatorsOutside += since;
      else loop.operators += since;
    };

    while (labels.length > 0) {
      const plain = this.#passPlain();
      cost += plain;
      total += plain;
      const at = reader.position;
      if (at >= reader.end) throw reader.malformed('a body ends too early');
      const opcode = bytes[reader.position++] as number;
      let dead = false;
      switch (opcode) {
        case 0x01:
        case Op.drop:
          break;
        case Op.unreachable:
          even = false;
          dead = true;
          break;
        case Op.block:
        case Op.if:
        case Op.try:
        case Op.tryTable:
        case Op.loop: {
          reader.position = at + 1;
          let loop: LoopFacts | undefined;
          if (opcode === Op.tryTable) {
            cost++;
            total++;
            reader.skipBlockType();
            for (let left = reader.leb(); left > 0; left--) {
              if ((bytes[reader.position++] as number) < 2) reader.skipLeb();
              const label = labels[labels.length - 1 - reader.leb()];
              if (label !== undefined && label.base === UNSET) label.base = 0;
            }
          } else reader.skipBlockType();
          if (opcode === Op.if || opcode === Op.try) {
            cost++;
            total++;
          }
          if (opcode === Op.try || opcode === Op.tryTable) {
            facts.charges = true;
            complicate();
          }
          if (opcode === Op.loop) {
            mark();
            complicate();
            facts.hasLoop = true;
            loop = {
              operators: 0,
              calls: [],
              simple: true,
              exits: 0,
              turns: 0,
              callsImport: false,
              end: 0,
              depth: labels.length,
            };
            this.loops.set(at, loop);
            loops.push(loop);
          }
          labels.push({ opcode, base: opcode === Op.loop ? cost : UNSET, entry: cost, hasElse: false, loop });
          break;
        }
        case Op.else: {
          const label = labels.at(-1) as Label;
          edge(label);
          label.hasElse = true;
          cost = label.entry;
          break;
        }
        case Op.catch:
        case Op.catchAll:
          if (opcode === Op.catch) reader.skipLeb();
          edge(labels.at(-1) as Label);
          break;
        case Op.delegate:
        case Op.end:
          if (opcode === Op.delegate) reader.skipLeb();
          dead = !this.#close(labels, loops, mark, true, cost);
          even &&= !this.#uneven;
          cost = this.#cost;
          break;
        case Op.br:
          cost++;
          total++;
          branch(reader.leb());
          dead = true;
          break;
        case Op.brIf:
        case 0xd5:
        case 0xd6:
          cost++;
          total++;
          branch(reader.leb());
          break;
        case Op.brTable:
          cost++;
          total++;
          for (let left = reader.leb(); left >= 0; left--) branch(reader.leb());
          dead = true;
          break;
        case Op.return:
          edge(labels[0] as Label);
          leave();
          dead = true;
          break;
        case Op.throw:
        case Op.rethrow:
        case Op.throwRef:
          if (opcode !== Op.throwRef) reader.skipLeb();
          total++;
          facts.charges = true;
          complicate();
          dead = true;
          break;
        case Op.call: {
          const callee = reader.leb();
          cost++;
          total++;
          facts.calls.push(callee);
          const inner = loops.at(-1);
          (inner?.calls ?? facts.callsOutside).push(callee);
          if (inner !== undefined && callee < this.#imported) inner.callsImport = true;
          complicate();
          break;
        }
        case Op.returnCall: {
          const callee = reader.leb();
          total++;
          if (callee < this.#imported) facts.tailCallsUnknown = true;
          else facts.tailCalls.push(callee);
          facts.callsUnknown = true;
          complicate();
          dead = true;
          break;
        }
        case Op.callIndirect:
        case Op.returnCallIndirect: {
          const type = reader.leb();
          const table = reader.leb();
          cost++;
          total++;
          facts.callsUnknown = true;
          complicate();
          const types = this.calledTypes.get(table);
          if (types === undefined) this.calledTypes.set(table, new Set([type]));
          else types.add(type);
          if (opcode === Op.returnCallIndirect) {
            facts.tailTables.push(table);
            dead = true;
          }
          break;
        }
        case Op.callRef:
        case Op.returnCallRef:
          reader.skipLeb();
          cost++;
          total++;
          facts.callsUnknown = true;
          complicate();
          if (opcode === Op.returnCallRef) {
            facts.tailCallsUnknown = true;
            dead = true;
          }
          break;
        case Op.memoryGrow:
          reader.skipLeb();
          cost++;
          total++;
          facts.charges = true;
          complicate();
          break;
        case 0x25:
        case 0x26:
          this.handledTables.add(reader.leb());
          cost++;
          total++;
          break;
        case Op.misc:
          cost++;
          total++;
          this.#misc(facts, complicate);
          break;
        case Op.gc: {
          cost++;
          total++;
          const sub = reader.leb();
          if (sub === Gc.brOnCast || sub === Gc.brOnCastFail) {
            reader.position++;
            branch(reader.leb());
            reader.skipLeb();
            reader.skipLeb();
            break;
          }
          if (
            sub <= Gc.structNewDefault ||
            (sub >= Gc.arrayNew && sub <= Gc.arrayNewElem) ||
            (sub >= 16 && sub <= 19)
          ) {
            facts.charges = true;
            complicate();
          }
          reader.position = at + 1;
          reader.skipImmediates(opcode);
          break;
        }
        default:
          cost++;
          total++;
          reader.skipImmediates(opcode);
      }
      while (dead && labels.length > 0) {
        reader.skipDead();
        const next = bytes[reader.position++] as number;
        if (next === Op.else) {
          const label = labels.at(-1) as Label;
          label.hasElse = true;
          cost = label.entry;
          dead = false;
        } else if (next === Op.catch || next === Op.catchAll) {
          if (next === Op.catch) reader.skipLeb();
          dead = false;
        } else {
          if (next === Op.delegate) reader.skipLeb();
          dead = !this.#close(labels, loops, mark, false, cost);
          even &&= !this.#uneven;
          cost = this.#cost;
        }
      }
    }
    mark();
    facts.operators = total;
    facts.evenCost = even && !facts.charges ? cost : -1;
  }

  #uneven = false;
  #cost = 0;

  /** Closes the innermost label; whether control goes on behind it, with `#cost` then. */
  #close(labels: Label[], loops: LoopFacts[], mark: () => void, falls: boolean, cost: number): boolean {
    const label = labels.pop() as Label;
    this.#uneven = false;
    this.#cost = cost;
    if (label.loop !== undefined) {
      mark();
      loops.pop();
      const outer = loops.at(-1);
      if (outer !== undefined && label.loop.callsImport) outer.callsImport = true;
      label.loop.end = this.#reader.position;
      if (falls) label.loop.exits++;
      return falls;
    }
    const bare = label.opcode === Op.if && !label.hasElse;
    if (falls) this.#arrive(label, cost);
    if (bare) this.#arrive(label, label.entry);
    if (label.base === UNSET) return false;
    this.#cost = label.base;
    return true;
  }

  /** Passes operators that do nothing but compute; answers how many. */
  #passPlain(): number {
    const reader = this.#reader;
    const { bytes } = reader;
    let position = reader.position;
    let passed = 0;
    for (;;) {
      const opcode = bytes[position] as number;
      const pass = PASSES[opcode];
      if (pass === PASS_BARE) position++;
      else if (pass === PASS_LEB) {
        position++;
        while ((bytes[position++] as number) >= 0x80);
      } else if (pass === PASS_OTHER) {
        reader.position = position + 1;
        reader.skipKind(PLAIN[opcode] as number, opcode, position);
        position = reader.position;
      } else break;
      passed++;
    }
    reader.position = position;
    return passed;
  }

  #arrive(label: Label, cost: number): void {
    if (label.base === UNSET) label.base = cost;
    else if (label.base !== cost) this.#uneven = true;
  }

  #misc(facts: FunctionFacts, complicate: () => void): void {
    const reader = this.#reader;
    const at = reader.position - 1;
    const sub = reader.leb();
    const first = reader.position;
    if (sub >= Misc.memoryInit && sub !== 9 && sub !== 13 && sub !== 16) {
      facts.charges = true;
      complicate();
    }
    if (sub === Misc.tableInit) {
      reader.leb();
      this.handledTables.add(reader.leb());
    } else if (sub === Misc.tableCopy) {
      this.handledTables.add(reader.leb());
      this.handledTables.add(reader.leb());
    } else if (sub === Misc.tableGrow || sub === Misc.tableFill) this.handledTables.add(reader.leb());
    if (reader.position === first) {
      reader.position = at + 1;
      reader.skipImmediates(Op.misc);
    }
  }
}
