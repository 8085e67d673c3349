import type { MeteringMode } from '#core/ports/meter';
import { FunctionFlag, LoopFlag, type ModuleFacts, NO_LOOP, surveyModule } from '#metering/survey';
import type { coreModule } from '#wasm';
import type { ContextCall } from '../context-calls.ts';
import type { IntList } from '../int-list.ts';
import { readTableEntries } from './private-tables.ts';
import { settleConventions } from './tail-calls.ts';
import { mostUnrolled } from './unrolling.ts';
import { LARGEST_WEIGHT, weighFunctions } from './weights.ts';

/**
 * How the counter is passed to a function and back.
 * - `register`: as one more parameter and one more result.
 * - `cell`: in the cell that all instances share. Functions that tail-call a function of unknown origin use it.
 * - `untouched`: not at all. The function's cost is known, and its caller pays.
 */
export type Convention = 'register' | 'cell' | 'untouched';

export interface FunctionPlan {
  readonly convention: Convention;
  /** Whether the function checks the budget on entry. */
  readonly checked: boolean;
  /** The fuel that is charged on entry: by the function itself, or by its caller when it is untouched. */
  readonly entry: number;
  /**
   * The largest cost that the function and its callees run before its first budget check; 0 when it checks on entry.
   */
  readonly weight: number;
  /** The number of reachable operators that cost fuel, each counted once. */
  readonly operators: number;
}

export interface ModulePlan {
  readonly mode: MeteringMode;
  readonly facts: ModuleFacts;
  /** Plans by function index; imports have none. */
  readonly functions: readonly (FunctionPlan | undefined)[];
  /** The cost of one iteration of each loop in mode `deadline`. */
  readonly iterationCosts: Float64Array;
  /** By loop: 1 when the shared cell holds the counter while the loop runs. */
  readonly hostLoops: Uint8Array;
  /** Tables that nothing outside can reach and that hold only functions of the `register` convention. */
  readonly privateTables: ReadonlySet<number>;
  /** Up to this size, the bodies of loops that only compute are written more than once. */
  readonly mostUnrolledBytes: number;
}

/**
 * The most that mode `deadline` charges at once for an entry or an iteration, and the cost that it lets run uncharged
 * before it charges more.
 */
export const LARGEST_CHARGE = 128;
export const LARGEST_RUN = 2048;

/** The cost of a host call in mode `deadline`, because the call itself takes time. */
export const HOST_CALL_COST = 100;

/**
 * Decides how each function is metered.
 * @param contexts imports whose calls are written as reads and writes of globals
 */
export function planModule(
  module: coreModule.CoreModule,
  mode: MeteringMode,
  contexts: ReadonlyMap<number, ContextCall> = new Map(),
): ModulePlan {
  const imported = module.imported.function;
  const facts = surveyModule(module, contexts);
  const tables = readTableEntries(module, facts);
  const { cells, privateTables } = settleConventions(module, facts, tables);
  const inTables = new Uint8Array(facts.functions);
  for (const table of privateTables) {
    for (const index of tables.entries.get(table) ?? []) if (index >= imported) inTables[index - imported] = 1;
  }
  const leaves = leavesOf(facts, mode, cells);
  const { weights, unseen } = weighFunctions(
    facts,
    imported,
    (n) => cells[n] === 1 || (inTables[n] === 1 && leaves[n] === 0),
  );
  const untouched = mode === 'fuel' ? leaves : withoutCounter(facts, imported, leaves, unseen);
  const whole = mode === 'deadline' ? wholeCosts(facts, imported, weights) : NO_WHOLE_COSTS;

  const functions: (FunctionPlan | undefined)[] = new Array(imported).fill(undefined);
  for (let n = 0; n < facts.functions; n++) {
    const weight = weights[n] as number;
    const bare = untouched[n] === 1;
    const even = bare ? (facts.evenCost[n] as number) : 0;
    functions.push({
      convention: bare ? 'untouched' : cells[n] === 1 ? 'cell' : 'register',
      checked: !bare && weight === 0,
      // In mode `deadline` the caller pays for a function that does not check the budget.
      entry: mode === 'fuel' ? even + 1 : weight > 0 ? 0 : (whole.entries[n] as number),
      weight,
      operators: facts.operators[n] as number,
    });
  }
  return {
    mode,
    facts,
    functions,
    iterationCosts: whole.iterationCosts,
    hostLoops: mode === 'deadline' ? hostLoopsOf(facts, imported, untouched) : new Uint8Array(facts.loopFlags.length),
    privateTables,
    mostUnrolledBytes: mostUnrolled(facts, module),
  };
}

const NEEDS_COUNTER = FunctionFlag.charges | FunctionFlag.hasLoop | FunctionFlag.callsUnknown;

/** Finds functions that call nothing and always cost the same, or in mode `deadline` cost little. */
function leavesOf(facts: ModuleFacts, mode: MeteringMode, cells: Uint8Array): Uint8Array {
  const leaves = new Uint8Array(facts.functions);
  for (let n = 0; n < leaves.length; n++) {
    const isLeaf = facts.firstCall[n] === facts.firstCall[n + 1] && !facts.has(NEEDS_COUNTER, n) && cells[n] === 0;
    const isSmall = (facts.operators[n] as number) < LARGEST_WEIGHT - 1;
    if (isLeaf && isSmall && (mode === 'deadline' || (facts.evenCost[n] as number) >= 0)) leaves[n] = 1;
  }
  return leaves;
}

/** In mode `deadline`: adds functions that only call such functions and stay small together with them. */
function withoutCounter(facts: ModuleFacts, imported: number, leaves: Uint8Array, unseen: IntList): Uint8Array {
  const without = leaves.slice();
  for (let at = 0; at < unseen.length; at++) {
    const n = unseen.at(at);
    if (facts.has(NEEDS_COUNTER, n)) continue;
    let call = facts.firstCall[n] as number;
    while (call < (facts.firstCall[n + 1] as number) && without[facts.callees.at(call) - imported] === 1) call++;
    if (call === facts.firstCall[n + 1]) without[n] = 1;
  }
  return without;
}

/** In mode `deadline`: finds innermost loops that call imports and otherwise only functions without a counter. */
function hostLoopsOf(facts: ModuleFacts, imported: number, untouched: Uint8Array): Uint8Array {
  const { callLoops, callees, loopFlags } = facts;
  const others = LoopFlag.hasLoop | LoopFlag.usesCounter;
  const loops = new Uint8Array(loopFlags.length);
  for (let loop = 0; loop < loops.length; loop++) {
    if ((loopFlags.at(loop) & (others | LoopFlag.callsImport)) === LoopFlag.callsImport) loops[loop] = 1;
  }
  for (let at = 0; at < callees.length; at++) {
    const callee = callees.at(at) - imported;
    const loop = callLoops.at(at);
    if (loop !== NO_LOOP && callee >= 0 && untouched[callee] === 0) loops[loop] = 0;
  }
  return loops;
}

interface WholeCosts {
  readonly entries: Float64Array;
  readonly iterationCosts: Float64Array;
}

const NO_WHOLE_COSTS: WholeCosts = { entries: new Float64Array(), iterationCosts: new Float64Array() };

/**
 * Computes the whole charges of mode `deadline`: a function's operators on entry, and a loop's for each iteration but
 * the first. Both include inner loops and callees that do not check the budget, up to `LARGEST_RUN`. On longer paths
 * the rest is charged along the path, because a loop around an interpreter has many operators and runs few of them in
 * one iteration.
 */
function wholeCosts(facts: ModuleFacts, imported: number, weights: Int32Array): WholeCosts {
  const entries = Float64Array.from(facts.operators, (operators) => operators + 1);
  const iterationCosts = Float64Array.from(facts.loopOperators.view());
  let n = 0;
  for (let at = 0; at < facts.callees.length; at++) {
    while (at >= (facts.firstCall[n + 1] as number)) n++;
    const callee = facts.callees.at(at) - imported;
    if (callee < 0) continue;
    const loop = facts.callLoops.at(at);
    entries[n] = (entries[n] as number) + (weights[callee] as number);
    if (loop !== NO_LOOP) iterationCosts[loop] = (iterationCosts[loop] as number) + (weights[callee] as number);
  }
  // Inner loops come after the loops that enclose them.
  for (let loop = iterationCosts.length - 1; loop >= 0; loop--) {
    const cost = Math.min(LARGEST_CHARGE, Math.max(1, iterationCosts[loop] as number));
    const parent = facts.loopParents.at(loop);
    iterationCosts[loop] = cost;
    if (parent !== NO_LOOP) iterationCosts[parent] = (iterationCosts[parent] as number) + cost;
  }
  return { entries: entries.map((cost) => Math.min(LARGEST_CHARGE, cost)), iterationCosts };
}
