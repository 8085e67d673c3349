import { FunctionFlag, type ModuleFacts } from '#metering/survey';
import { IntList } from '../int-list.ts';

/** What may run between two looks at the budget in functions that do not look themselves. */
export const LARGEST_WEIGHT = 8192;

/** In place of a weight that is not known yet, or is being found out. */
const UNKNOWN = -1;
const OPEN = -2;

export interface Weights {
  /** By defined function, the most that runs unseen at once in it and in what it calls; 0 when it looks on entry. */
  readonly weights: Int32Array;
  /** The functions that do not, callees before callers. */
  readonly unseen: IntList;
}

/**
 * A function looks at the budget when it is entered unless it is short and calls nothing that could lead back to it
 * unseen. Its loops look at every turn in any case. `mustLook` settles others beforehand.
 */
export function weighFunctions(facts: ModuleFacts, imported: number, mustLook: (n: number) => boolean): Weights {
  const unseen = new IntList();
  const weights = new Int32Array(facts.functions).fill(UNKNOWN);
  const open: { readonly n: number; next: number; sum: number }[] = [];
  const callees = facts.callees.items;
  const enter = (n: number): void => {
    const looks =
      facts.has(FunctionFlag.callsUnknown, n) || (facts.operators[n] as number) >= LARGEST_WEIGHT || mustLook(n);
    const calls = facts.firstCall[n] !== facts.firstCall[n + 1];
    if (looks) weights[n] = 0;
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
        // A cycle of calls is broken here: this one looks.
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
