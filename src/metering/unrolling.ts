import { coreModule } from '#wasm';
import { LoopFlag, type ModuleFacts } from './module-facts.ts';

/** How often the body of a loop that only computes is written, and the bytes that its copies may take. */
const MOST_COPIES = 4;
const LONGEST_COPIES = 1000;
/** What all copies may add to a module: a share of its code, or that of a small program. */
const SHARE_OF_CODE = 0.01;
const LEAST_BUDGET = 4096;

/** How often a loop's body of this size is written. */
export function copiesOf(bytes: number, turns: number): number {
  return turns > 0 ? Math.max(1, Math.min(MOST_COPIES, Math.floor(LONGEST_COPIES / bytes))) : 1;
}

/** The largest body of which copies are made: the smallest gain most, so they are served first. */
export function mostUnrolled(facts: ModuleFacts, module: coreModule.CoreModule): number {
  const code = module.sections.find(({ id }) => id === coreModule.SectionId.code);
  let left = Math.max(LEAST_BUDGET, code === undefined ? 0 : (code.end - code.start) * SHARE_OF_CODE);
  const copied = new Float64Array(LONGEST_COPIES + 1);
  for (let loop = 0; loop < facts.loopFlags.length; loop++) {
    const bytes = facts.loopBytes.at(loop);
    if ((facts.loopFlags.at(loop) & LoopFlag.complicated) !== 0 || bytes > LONGEST_COPIES) continue;
    copied[bytes] = (copied[bytes] as number) + (copiesOf(bytes, facts.loopTurns.at(loop)) - 1) * bytes;
  }
  for (let bytes = 0; bytes <= LONGEST_COPIES; bytes++) {
    left -= copied[bytes] as number;
    if (left < 0) return bytes - 1;
  }
  return LONGEST_COPIES;
}
