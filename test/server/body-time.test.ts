// How long a body may take, over a clock that the test moves.
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { limitBodyTime } from '../../src/server/body-time.ts';
import type { Outgoing } from '../../src/server/outgoing.ts';
import type { Incoming } from '../../src/server/request-head.ts';
import { TestClock } from '../../src/testing/clock.ts';

function scene(periodMs: number) {
  const clock = new TestClock();
  const incoming = Object.assign(new PassThrough(), { complete: false });
  const outgoing = new PassThrough();
  let late = 0;
  limitBodyTime(incoming as unknown as Incoming, outgoing as unknown as Outgoing, periodMs, clock, () => {
    late += 1;
  });
  return { clock, incoming, outgoing, late: () => late };
}

/** Rounds in which a stream tells of what was written. */
async function told(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise(setImmediate);
}

it('a body goes on exactly as long as each period brings 500 bytes for each of its seconds', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 6 }), async (periods) => {
      const { clock, incoming, late } = scene(2_000);
      incoming.resume();
      await told();
      for (const bytes of periods) {
        if (bytes > 0) incoming.write(Buffer.alloc(bytes));
        await told();
        clock.advance(2_000);
      }
      expect(late()).toBe(periods.some((bytes) => bytes < 1_000) ? 1 : 0);
    }),
    { numRuns: 30 },
  );
});

it('a body waits for as long as nobody reads and its client can send no more', async () => {
  const { clock, incoming, late } = scene(1_000);
  incoming.write(Buffer.alloc(incoming.readableHighWaterMark));
  await told();
  for (let period = 0; period < 5; period += 1) clock.advance(1_000);
  expect(late()).toBe(0);
  incoming.resume();
  await told();
  clock.advance(1_000);
  expect(late()).toBe(0);
  clock.advance(1_000);
  expect(late()).toBe(1);
});

it('a body that has come, or whose request is over, has no time', async () => {
  const whole = scene(1_000);
  whole.incoming.complete = true;
  whole.clock.advance(1_000);
  const gone = scene(1_000);
  gone.outgoing.destroy();
  await told();
  expect([whole.late(), gone.late(), whole.clock.waiting, gone.clock.waiting]).toEqual([0, 0, 0, 0]);
});
