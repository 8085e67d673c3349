import type { MeteringMode } from '#core';
import { ByteReader, coreModule } from '#wasm';
import { type FunctionFacts, type LoopFacts, Survey } from './survey.ts';

/**
 * How the counter reaches a function and comes back.
 * - `register`: as one more parameter and one more result.
 * - `cell`: in the cell that all instances share. Of functions that tail-call what may be elsewhere.
 * - `untouched`: not at all. What it costs is known, and its caller pays.
 */
export type Convention = 'register' | 'cell' | 'untouched';

export interface FunctionPlan {
  readonly convention: Convention;
  /** Looks at the budget when it is entered. */
  readonly checked: boolean;
  /** Fuel that is charged when it is entered: by itself, or by the caller of one that is untouched. */
  readonly entry: number;
  /** The most that it runs before it first looks at the budget, itself and what it calls; 0 when that is at its entry. */
  readonly weight: number;
  /** Reachable operators that cost fuel, each counted once. */
  readonly operators: number;
}

export interface ModulePlan {
  readonly mode: MeteringMode;
  /** By function index; imports have none. */
  readonly functions: readonly (FunctionPlan | undefined)[];
  readonly loops: ReadonlyMap<number, LoopFacts>;
  /** Tables that nothing outside reaches and that hold functions of the `register` convention alone. */
  readonly privateTables: ReadonlySet<number>;
  /** What a turn of a loop costs in mode `deadline`. */
  turnCost(loop: LoopFacts): number;
}

/** What may run between two looks at the budget in functions that do not look themselves. */
export const LARGEST_WEIGHT = 8192;
/** In place of a weight that is being found out. */
const OPEN = -2;
/** The most parameters or results that engines take. */
const MOST_VALUES = 1000;

const { Constant, SectionId } = coreModule;

/** Decides how each function is metered. */
export function planModule(module: coreModule.CoreModule, mode: MeteringMode): ModulePlan {
  const survey = new Survey(module);
  const facts: FunctionFacts[] = [];
  const code = module.sections.find(({ id }) => id === SectionId.code);
  if (code !== undefined) {
    const reader = new ByteReader(module.bytes, code.start, code.end);
    for (let left = reader.u32(); left > 0; left--) {
      const size = reader.u32();
      const start = reader.offset;
      reader.skip(size);
      facts.push(survey.read(start, reader.offset));
    }
  }
  return new Planner(module, mode, survey, facts).plan();
}

class Planner {
  readonly #module: coreModule.CoreModule;
  readonly #mode: MeteringMode;
  readonly #survey: Survey;
  readonly #facts: readonly FunctionFacts[];
  readonly #imported: number;
  readonly #weights: Int32Array;

  constructor(module: coreModule.CoreModule, mode: MeteringMode, survey: Survey, facts: readonly FunctionFacts[]) {
    this.#module = module;
    this.#mode = mode;
    this.#survey = survey;
    this.#facts = facts;
    this.#imported = module.imported.function;
    this.#weights = new Int32Array(facts.length).fill(-1);
  }

  plan(): ModulePlan {
    const { entries, candidates } = this.#tables();
    const { cells, privateTables } = this.#tailCalls(entries, candidates);
    const inTables = new Set([...privateTables].flatMap((table) => entries.get(table) ?? []));
    for (let n = 0; n < this.#facts.length; n++) this.#weigh(n, cells, inTables);

    const functions: (FunctionPlan | undefined)[] = new Array(this.#imported).fill(undefined);
    for (const [n, facts] of this.#facts.entries()) {
      const weight = this.#weights[n] as number;
      const untouched = this.#isUntouched(n, facts, cells);
      functions.push({
        convention: untouched ? 'untouched' : cells.has(n) ? 'cell' : 'register',
        checked: !untouched && weight === 0,
        entry: this.#entry(facts, untouched),
        weight,
        operators: facts.operators,
      });
    }
    return {
      mode: this.#mode,
      functions,
      loops: this.#survey.loops,
      privateTables,
      turnCost: (loop) => Math.max(1, loop.operators + this.#sum(loop.calls)),
    };
  }

  #entry(facts: FunctionFacts, untouched: boolean): number {
    if (this.#mode === 'fuel') return untouched ? facts.evenCost + 1 : 1;
    return untouched ? 0 : 1 + facts.operatorsOutside + this.#sum(facts.callsOutside);
  }

  #sum(callees: readonly number[]): number {
    let sum = 0;
    for (const callee of callees) sum += this.#weights[callee - this.#imported] ?? 0;
    return sum;
  }

  /** Without the counter a function can do only what always costs the same, or in mode `deadline` next to nothing. */
  #isUntouched(n: number, facts: FunctionFacts, cells: ReadonlySet<number>): boolean {
    if (cells.has(n) || facts.charges || facts.hasLoop || facts.callsUnknown) return false;
    if (facts.operators >= LARGEST_WEIGHT - 1) return false;
    return this.#mode === 'fuel' ? facts.evenCost >= 0 : facts.calls.length === 0;
  }

  /**
   * The most that a function runs before a look at the budget. It looks when it is entered (weight 0) unless it is
   * short, has no loop and calls nothing that could lead back to it unseen.
   */
  #weigh(first: number, cells: ReadonlySet<number>, inTables: ReadonlySet<number>): void {
    const open: { n: number; next: number; sum: number }[] = [];
    const enter = (n: number): void => {
      const facts = this.#facts[n] as FunctionFacts;
      const checks =
        facts.hasLoop ||
        facts.callsUnknown ||
        cells.has(n) ||
        facts.operators >= LARGEST_WEIGHT ||
        this.#mustLook(n, inTables);
      this.#weights[n] = checks ? 0 : OPEN;
      if (!checks) open.push({ n, next: 0, sum: facts.operators + 1 });
    };
    if (this.#weights[first] === -1) enter(first);
    for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
      const { calls } = this.#facts[frame.n] as FunctionFacts;
      if (frame.next < calls.length) {
        const callee = (calls[frame.next] as number) - this.#imported;
        if (callee >= 0 && this.#weights[callee] === -1) {
          enter(callee);
          continue;
        }
        // A cycle of calls is broken here: this one looks.
        if (this.#weights[callee] === OPEN) frame.sum = Number.POSITIVE_INFINITY;
        else frame.sum += this.#weights[callee] ?? 0;
        frame.next++;
        if (frame.sum <= LARGEST_WEIGHT) continue;
        frame.next = calls.length;
      }
      open.pop();
      this.#weights[frame.n] = frame.sum <= LARGEST_WEIGHT ? frame.sum : 0;
    }
  }

  #mustLook(n: number, inTables: ReadonlySet<number>): boolean {
    const index = n + this.#imported;
    return inTables.has(index) && !this.#isUntouched(n, this.#facts[n] as FunctionFacts, new Set());
  }

  /** Tables that only this module's own active segments fill, by functions of plain types; and what they hold. */
  #tables(): { entries: Map<number, number[]>; candidates: Set<number> } {
    const module = this.#module;
    const entries = new Map<number, number[]>();
    const candidates = new Set<number>();
    for (let table = module.imported.table; table < module.tables.length; table++) {
      const { element } = module.tables[table] as coreModule.TableType;
      if (element.bytes.length === 1 && element.bytes[0] === 0x70) candidates.add(table);
    }
    for (const { kind, index } of module.exports) if (kind === 'table') candidates.delete(index);
    for (const table of this.#survey.handledTables) candidates.delete(table);
    for (const [table, types] of this.#survey.calledTypes) {
      for (const type of types) if (!this.#isPlain(type)) candidates.delete(table);
    }
    for (const table of coreModule.initialisedTables(module)) candidates.delete(table);
    for (const segment of coreModule.readElementSegments(module)) {
      if (segment.mode !== 'active') continue;
      const held = entries.get(segment.table) ?? [];
      entries.set(segment.table, held);
      for (const item of segment.items) {
        const index =
          typeof item === 'number' ? item : item[0]?.opcode === Constant.refFunc ? item[0].index : undefined;
        if (index !== undefined && this.#isPlain(module.functions[index] as number)) held.push(index);
        else if (index !== undefined || typeof item === 'number' || item[0]?.opcode !== Constant.refNull) {
          candidates.delete(segment.table);
        }
      }
    }
    return { entries, candidates };
  }

  /** A type that the counter can be added to without becoming another's equal. */
  #isPlain(index: number): boolean {
    const type = this.#module.types[index];
    if (type?.kind !== 'function' || !type.plain) return false;
    return type.parameters.length < MOST_VALUES && type.results.length < MOST_VALUES;
  }

  /**
   * A tail call hands its place on the stack to the callee, so that nothing can be done behind it: caller and callee
   * have one convention. Functions joined by tail calls, and by tables through which tail calls go, share a fate.
   */
  #tailCalls(entries: ReadonlyMap<number, readonly number[]>, candidates: ReadonlySet<number>) {
    const groups = new Groups(this.#facts.length + this.#module.tables.length);
    const tableNode = (table: number): number => this.#facts.length + table;
    const tainted: number[] = [];
    for (const [n, facts] of this.#facts.entries()) {
      const type = this.#module.types[this.#module.functions[n + this.#imported] as number];
      const wide =
        type?.kind === 'function' && (type.parameters.length >= MOST_VALUES || type.results.length >= MOST_VALUES);
      if (facts.tailCallsUnknown || wide) tainted.push(n);
      for (const callee of facts.tailCalls) groups.join(n, callee - this.#imported);
      for (const table of facts.tailTables) {
        groups.join(n, tableNode(table));
        if (!candidates.has(table)) tainted.push(tableNode(table));
        for (const entry of entries.get(table) ?? []) {
          if (entry >= this.#imported) groups.join(tableNode(table), entry - this.#imported);
          else tainted.push(tableNode(table));
        }
      }
    }
    const lost = new Set(tainted.map((node) => groups.of(node)));
    const cells = new Set<number>();
    for (let n = 0; n < this.#facts.length; n++) if (lost.has(groups.of(n))) cells.add(n);
    const privateTables = new Set([...candidates].filter((table) => !lost.has(groups.of(tableNode(table)))));
    return { cells, privateTables };
  }
}

/** Disjoint sets of numbers. */
class Groups {
  readonly #parents: Int32Array;

  constructor(size: number) {
    this.#parents = Int32Array.from({ length: size }, (_, node) => node);
  }

  of(node: number): number {
    let root = node;
    while (this.#parents[root] !== root) root = this.#parents[root] as number;
    for (let at = node; at !== root; ) {
      const next = this.#parents[at] as number;
      this.#parents[at] = root;
      at = next;
    }
    return root;
  }

  join(left: number, right: number): void {
    this.#parents[this.of(left)] = this.of(right);
  }
}
