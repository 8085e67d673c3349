import type { MeteringMode } from '#core';
import type { coreModule } from '#wasm';
import { FunctionFlag, type ModuleFacts, NO_LOOP } from './module-facts.ts';
import { readTableEntries } from './private-tables.ts';
import { surveyModule } from './survey.ts';
import { settleConventions } from './tail-calls.ts';
import { LARGEST_WEIGHT, weighFunctions } from './weights.ts';

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
  readonly facts: ModuleFacts;
  /** By function index; imports have none. */
  readonly functions: readonly (FunctionPlan | undefined)[];
  /** What a turn of each loop costs in mode `deadline`. */
  readonly turnCosts: Float64Array;
  /** Tables that nothing outside reaches and that hold functions of the `register` convention alone. */
  readonly privateTables: ReadonlySet<number>;
}

/** Decides how each function is metered. */
export function planModule(module: coreModule.CoreModule, mode: MeteringMode): ModulePlan {
  const imported = module.imported.function;
  const facts = surveyModule(module);
  const tables = readTableEntries(module, facts);
  const { cells, privateTables } = settleConventions(module, facts, tables);

  /** Without the counter a function can do only what always costs the same, or in mode `deadline` next to nothing. */
  const needsCounter = FunctionFlag.charges | FunctionFlag.hasLoop | FunctionFlag.callsUnknown;
  const canBeUntouched = (n: number): boolean => {
    if (facts.has(needsCounter, n) || (facts.operators[n] as number) >= LARGEST_WEIGHT - 1) return false;
    return mode === 'fuel' ? (facts.evenCost[n] as number) >= 0 : facts.firstCall[n] === facts.firstCall[n + 1];
  };
  const inTables = new Uint8Array(facts.functions);
  for (const table of privateTables) {
    for (const index of tables.entries.get(table) ?? []) if (index >= imported) inTables[index - imported] = 1;
  }
  const weights = weighFunctions(facts, imported, (n) => cells[n] === 1 || (inTables[n] === 1 && !canBeUntouched(n)));
  const whole = mode === 'deadline' ? wholeCosts(facts, imported, weights) : NO_WHOLE_COSTS;

  const functions: (FunctionPlan | undefined)[] = new Array(imported).fill(undefined);
  for (let n = 0; n < facts.functions; n++) {
    const weight = weights[n] as number;
    const untouched = cells[n] === 0 && canBeUntouched(n);
    const even = mode === 'fuel' && untouched ? (facts.evenCost[n] as number) : 0;
    functions.push({
      convention: untouched ? 'untouched' : cells[n] === 1 ? 'cell' : 'register',
      checked: !untouched && weight === 0,
      entry: mode === 'fuel' ? even + 1 : untouched ? 0 : (whole.entries[n] as number),
      weight,
      operators: facts.operators[n] as number,
    });
  }
  return { mode, facts, functions, turnCosts: whole.turnCosts, privateTables };
}

interface WholeCosts {
  readonly entries: Float64Array;
  readonly turnCosts: Float64Array;
}

const NO_WHOLE_COSTS: WholeCosts = { entries: new Float64Array(), turnCosts: new Float64Array() };

/** What mode `deadline` charges: a function's and a loop's own operators, and those of callees that do not look. */
function wholeCosts(facts: ModuleFacts, imported: number, weights: Int32Array): WholeCosts {
  const entries = Float64Array.from(facts.operatorsOutside, (operators) => operators + 1);
  const turnCosts = Float64Array.from(facts.loopOperators.view());
  let n = 0;
  for (let at = 0; at < facts.callees.length; at++) {
    while (at >= (facts.firstCall[n + 1] as number)) n++;
    const callee = facts.callees.at(at) - imported;
    if (callee < 0) continue;
    const loop = facts.callLoops.at(at);
    if (loop === NO_LOOP) entries[n] = (whole.entries[n] as number) + (weights[callee] as number);
    else turnCosts[loop] = (turnCosts[loop] as number) + (weights[callee] as number);
  }
  for (let loop = 0; loop < turnCosts.length; loop++) turnCosts[loop] = Math.max(1, turnCosts[loop] as number);
  return { entries, turnCosts };
}
