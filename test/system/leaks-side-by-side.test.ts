// When an instance that answers requests side by side is replaced because it leaks: its guest holds each request until the test lets it end.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRuntime } from '../../src/index.ts';
import { HOLDING_HANDLER } from '../../tools/components/holding-handler.ts';

/** The text of a header, for which the host keeps a little more than so many bytes. */
const LENGTH = 15_000;
const LIMIT = 2 ** 20;
/** Instances are replaced once requests have left more than half of the limit: at least FEW requests, with what else is kept, and at most MANY. */
const FEW = Math.floor(LIMIT / 2 / (LENGTH * 1.25));
const MANY = Math.ceil(LIMIT / 2 / LENGTH) + 1;

let handler: Uint8Array;
beforeAll(async () => {
  handler = await parse(HOLDING_HANDLER);
});

async function scene() {
  const runtime = await createRuntime();
  const drops: boolean[] = [];
  /** What each request that has begun is in its instance, from 1. */
  const numbers: number[] = [];
  const waits: (() => void)[] = [];
  const imports = {
    began: (number: number) => {
      numbers.push(number);
      return drops.shift() === true ? 1 : 0;
    },
    wait: () => new Promise((resolve) => void waits.push(() => resolve(1))),
  };
  const limits = { maxMemoryBytes: LIMIT };
  const handle = await runtime.load(handler, { store: 'per-actor', concurrency: 64, limits, imports });
  const answers: Promise<unknown>[] = [];
  /** Begins a request. @returns lets it end */
  const begin = async (dropped: boolean): Promise<() => Promise<void>> => {
    drops.push(dropped);
    const request = new Request('http://test.example/', { headers: { 'x-long': 'x'.repeat(LENGTH) } });
    const answer = runtime.fetch(handle, request).then(
      ({ status }) => status,
      ({ code }) => code,
    );
    answers.push(answer);
    await expect.poll(() => waits.length, { interval: 1 }).toBe(answers.length);
    const end = waits.at(-1);
    return async () => {
      end?.();
      await answer;
    };
  };
  const close = async (): Promise<readonly unknown[]> => {
    for (const end of waits) end();
    const all = await Promise.all(answers);
    await runtime.close();
    return [...new Set(all)];
  };
  return { numbers, begin, close };
}

describe('an instance that answers requests side by side', () => {
  it('stays while the requests under way hold more than half of what the host may keep, and drop it in the end', async () => {
    const { numbers, begin, close } = await scene();
    for (let round = 0; round < 2; round++) {
      const ends = [];
      for (let at = 0; at < MANY + 10; at++) ends.push(await begin(true));
      for (const end of ends) await end();
    }
    expect(numbers).toEqual(Array.from({ length: 2 * (MANY + 10) }, (_, at) => at + 1));
    expect(await close()).toHaveLength(1);
  });

  it('is replaced when it leaks, though it is never without a request', async () => {
    const { numbers, begin, close } = await scene();
    let last = await begin(true);
    for (let at = 0; at < 3 * MANY; at++) {
      const next = await begin(false);
      await last();
      last = next;
    }
    expect(Math.max(...numbers)).toBeLessThanOrEqual(MANY + 2);
    expect(numbers.filter((number) => number === 1).length).toBeGreaterThan(2);
    expect(await close()).toHaveLength(1);
  });

  it('is replaced exactly when the requests that have ended in it have left too much', async () => {
    const step = fc.record({ dropped: fc.boolean(), begun: fc.nat(40), ended: fc.nat(40) });
    const run = async (steps: readonly { dropped: boolean; begun: number; ended: number }[]): Promise<void> => {
      const { numbers, begin, close } = await scene();
      const open: { instance: number; dropped: boolean; end: () => Promise<void> }[] = [];
      let [instance, left] = [0, 0];
      for (const { dropped, begun, ended } of steps) {
        for (let at = 0; at < begun && open.length < 20; at++) {
          const end = await begin(dropped);
          const isFresh = numbers.at(-1) === 1 && numbers.length > 1;
          if (isFresh) expect(left).toBeGreaterThanOrEqual(FEW);
          else expect(left).toBeLessThan(MANY);
          if (isFresh) [instance, left] = [instance + 1, 0];
          open.push({ instance, dropped, end });
        }
        for (const each of open.splice(0, ended)) {
          await each.end();
          if (!each.dropped && each.instance === instance) left += 1;
        }
      }
      expect((await close()).length).toBeLessThanOrEqual(1);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), run), { numRuns: 8 });
  });
});
