import { FunctionFlag, type ModuleFacts } from '#metering/survey';
import { IntList } from '../int-list.ts';

/** The largest cost that may run between two budget checks in functions that do not check themselves. */
export const LARGEST_WEIGHT = 8192;

/** Stands for a weight that is not known yet, or that is being computed. */
const UNKNOWN = -1;
const OPEN = -2;

export interface Weights {
  /** By defined function: the largest unchecked cost of one run, callees included; 0 when it checks on entry. */
  readonly weights: Int32Array;
  /** The functions that do not check on entry, callees before callers. */
  readonly unseen: IntList;
}

/**
 * Decides which functions check the budget on entry: all but short ones whose calls cannot lead back to them unchecked.
 * Loops check in every iteration in any case. `mustCheck` decides some functions beforehand.
 */
export function weighFunctions(facts: ModuleFacts, imported: number, mustCheck: (n: number) => boolean): Weights {
  const unseen = new IntList();
  const weights = new Int32Array(facts.functions).fill(UNKNOWN);
  const open: { readonly n: number; next: number; sum: number }[] = [];
  const callees = facts.callees.items;
  const enter = (n: number): void => {
    const checks =
      facts.has(FunctionFlag.callsUnknown, n) || (facts.operators[n] as number) >= LARGEST_WEIGHT || mustCheck(n);
    const calls = facts.firstCall[n] !== facts.firstCall[n + 1];
    if (checks) weights[n] = 0;
    else if (!calls) {
      weights[n] = (facts.operators[n] as number) + 1;
      unseen.push(n);
    } else {
      weights[n] = OPEN;
      open.push({ n, next: facts.firstCall[n] as number, sum: (facts.operators[n] as number) + 1 });
    }
  };
  for (let n = 0; n < facts.functions; n++) {
    if (weights[n] !== UNKNOWN) continue;
    enter(n);
    for (let frame = open.at(-1); frame !== undefined; frame = open.at(-1)) {
      const end = facts.firstCall[frame.n + 1] as number;
      if (frame.next < end) {
        const callee = (callees[frame.next] as number) - imported;
        if (callee >= 0 && weights[callee] === UNKNOWN) {
          enter(callee);
          continue;
        }
        // This function checks the budget, which breaks the cycle of calls.
        if (callee >= 0) frame.sum += weights[callee] === OPEN ? LARGEST_WEIGHT : (weights[callee] as number);
        frame.next++;
        if (frame.sum <= LARGEST_WEIGHT) continue;
        frame.next = end;
      }
      open.pop();
      weights[frame.n] = frame.sum <= LARGEST_WEIGHT ? frame.sum : 0;
      if (frame.sum <= LARGEST_WEIGHT) unseen.push(frame.n);
    }
  }
  return { weights, unseen };
}
