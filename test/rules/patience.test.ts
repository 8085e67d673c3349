import { describe, expect, it } from 'vitest';
import { impatienceIn } from './patience.ts';
import { parse, sourceFiles } from './source-files.ts';

/*
 * A time-out ends what hangs. One that is long enough on a quiet machine is too short on a busy one, so tests have those of
 * `vitest.config.ts` and none of their own.
 */

/** Files with a short `timeout` that is none of a test, how many, and what it is. */
const MAY_HURRY: Readonly<Record<string, readonly [times: number, why: string]>> = {
  'test/system/options.property.test.ts': [1, 'the name of an option that there is not'],
};

describe('tests', () => {
  it('are given as much time as a busy machine needs', () => {
    const found = [...sourceFiles('test'), ...sourceFiles('tools')]
      .map(({ path, tree }) => [path, impatienceIn(tree)] as const)
      .filter(([path, places]) => places.length > (MAY_HURRY[path]?.[0] ?? 0));
    expect(found, 'leave the time-out out, or give a reason in MAY_HURRY').toEqual([]);
  });

  it.each([
    ["it('is', async () => {}, 60_000)", 1],
    ["it.each([1])('is', async () => {}, 60_000)", 1],
    ['beforeAll(async () => {}, 120_000)', 1],
    ["describe('all', { timeout: 10_000 }, () => {})", 1],
    ['expect.poll(look, { timeout: 2_000 })', 1],
    ['execFileSync(node, [], { timeout: 120_000 })', 1],
    ["it('is', async () => {}, 600_000)", 0],
    ["it('is', async () => {})", 0],
    ['pass(clock, 60_000)', 0],
  ])('are seen to be impatient: %s', (text, times) => {
    expect(impatienceIn(parse('planted.ts', text))).toHaveLength(times);
  });
});
