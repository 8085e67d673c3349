// The gate of a component's requests. Here every request ends as soon as it is let in, which is the most that a gate can be asked to do.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Gate } from '../../src/system/request-gate.ts';
import { RequestPace } from '../../src/system/request-pace.ts';
import { TestClock } from '../../src/testing/clock.ts';

const NOBODY_LEAVES = { reason: undefined };

/** Lets requests through a gate, each of which leaves at once. Answers how many were let in at each step of the event loop. */
async function letThrough(requests: number, maxConcurrent: number): Promise<readonly number[]> {
  const gate = new Gate('test/gate/1', new RequestPace(new TestClock()), { maxConcurrent, maxQueued: requests });
  const order: number[] = [];
  const perStep = [0];
  let isOver = false;
  const count = (): void => {
    if (isOver) return;
    perStep.push(0);
    setImmediate(count);
  };
  setImmediate(count);
  const asked = Array.from({ length: requests }, async (_, at) => {
    await gate.enter({ ...NOBODY_LEAVES, onAbandoned: undefined });
    order.push(at);
    perStep.push((perStep.pop() ?? 0) + 1);
    gate.leave();
  });
  const drained = gate.drain();
  await Promise.all(asked);
  isOver = true;
  await drained;
  expect(order).toEqual([...order].sort((one, other) => one - other));
  expect([order.length, gate.open]).toEqual([requests, 0]);
  return perStep;
}

it('requests that end at once leave the event loop its turns, and are all let in, in their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 40 }), async (requests, most) => {
      const perStep = await letThrough(requests, most);
      // Time stands still here, so that the bound is the number of requests in a round.
      expect(Math.max(...perStep)).toBeLessThanOrEqual(2 * 64);
    }),
    { numRuns: 50 },
  );
});

it('requests that never cease to ask again let a timer run', async () => {
  const gate = new Gate('test/gate/1', new RequestPace(new TestClock()), { maxConcurrent: 1, maxQueued: 4 });
  let rounds = 0;
  let hasRun = false;
  setImmediate(() => {
    hasRun = true;
  });
  const ask = async (): Promise<void> => {
    // Without a bound, nothing else would ever run.
    while (!hasRun && rounds < 10_000) {
      await gate.enter({ ...NOBODY_LEAVES, onAbandoned: undefined });
      rounds += 1;
      await Promise.resolve();
      gate.leave();
    }
  };
  await Promise.all([ask(), ask(), ask()]);
  expect([hasRun, gate.open]).toEqual([true, 0]);
  expect(rounds).toBeLessThan(100);
});
