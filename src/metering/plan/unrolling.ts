import { LoopFlag, type ModuleFacts } from '#metering/survey';
import { coreModule } from '#wasm';

/** The most copies of the body of a loop that only computes, and the most bytes that they may take. */
const MOST_COPIES = 8;
const LONGEST_COPIES = 1400;
/** The most copies of a body that contains a loop, and the largest such body that is copied. */
const MOST_NEST_COPIES = 6;
const LONGEST_NEST = 200;
/** How much all copies together may add to a module: a share of its code, or some bytes for a small program. */
const SHARE_OF_CODE = 0.01;
const SMALL_PROGRAM = 262_144;
const SMALL_BUDGET = 12_288;

/** Loops that are never copied: the size of nested nests would grow by the product of all copies. */
const NEVER = LoopFlag.complicated | LoopFlag.hasNest;

/** Returns how often a loop's body is written when bodies of at most `mostBytes` are copied. */
export function copiesOf(facts: ModuleFacts, loop: number, mostBytes: number): number {
  const bytes = facts.loopBytes.at(loop);
  const flags = facts.loopFlags.at(loop);
  if (facts.loopBranches.at(loop) === 0 || bytes > mostBytes || (flags & NEVER) !== 0) return 1;
  const isNest = (flags & LoopFlag.hasLoop) !== 0;
  if (isNest && bytes > LONGEST_NEST) return 1;
  return Math.max(1, Math.min(isNest ? MOST_NEST_COPIES : MOST_COPIES, Math.floor(LONGEST_COPIES / bytes)));
}

/** Returns the size of the largest body that is copied. Small bodies gain most, so they are served first. */
export function mostUnrolled(facts: ModuleFacts, module: coreModule.CoreModule): number {
  const code = module.sections.find(({ id }) => id === coreModule.SectionId.code);
  const size = code === undefined ? 0 : code.end - code.start;
  let left = size < SMALL_PROGRAM ? SMALL_BUDGET : size * SHARE_OF_CODE;
  const copied = new Float64Array(LONGEST_COPIES + 1);
  for (let loop = 0; loop < facts.loopFlags.length; loop++) {
    const bytes = facts.loopBytes.at(loop);
    if (bytes > LONGEST_COPIES) continue;
    const inner = (facts.loopFlags.at(loop) & LoopFlag.hasLoop) !== 0 ? MOST_COPIES : 1;
    copied[bytes] = (copied[bytes] as number) + (copiesOf(facts, loop, LONGEST_COPIES) - 1) * bytes * inner;
  }
  for (let bytes = 0; bytes <= LONGEST_COPIES; bytes++) {
    left -= copied[bytes] as number;
    if (left < 0) return bytes - 1;
  }
  return LONGEST_COPIES;
}
