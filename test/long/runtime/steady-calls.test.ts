// A million calls of an asynchronous export, one by one and side by side: see `test/runtime/tasks/steady.test.ts`.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { createRuntime } from '../../../src/index.ts';
import { interleavingGuest } from '../../../tools/components/interleaving-guest.ts';
import { STEADY_GUEST, steadyImports } from '../../support/steady-guest.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const CALLS = 1_000_000;
/** The least that a call could leave is an entry of a list. Code that V8 compiles meanwhile is less than the rest. */
const LEAST_BYTES = 8;
/** What the host may keep for the store: some hundred tasks or waitables. */
const limits = { maxExecutionTimeMs: 60_000, maxMemoryBytes: 2 ** 20 };

function heapInUse(): number {
  collect();
  return getHeapStatistics().used_heap_size;
}

const GUESTS = [
  { concurrency: 1, name: 'f', text: STEADY_GUEST, imports: steadyImports, answer: (n: number) => n + 1 },
  // Its guest counts to what the import answers.
  { concurrency: 8, name: 'work', text: interleavingGuest(true), imports: { wait: async () => 3 }, answer: () => 3 },
];

it.each(GUESTS)('a million calls leave nothing on the heap, with $concurrency at a time', async (guest) => {
  const { concurrency, name, imports } = guest;
  await using runtime = await createRuntime({});
  const handle = await runtime.load(await parse(guest.text), { imports, limits, concurrency });
  const many = async (calls: number): Promise<void> => {
    for (let n = 0; n < calls; n += concurrency) {
      const numbers = Array.from({ length: concurrency }, (_, index) => n + index);
      const answers = await Promise.all(numbers.map((each) => runtime.call(handle, name, each)));
      if (answers.some((answer, index) => answer !== guest.answer(n + index))) throw new Error(`call ${n}`);
    }
  };
  await many(40_000);
  const before = heapInUse();
  await many(CALLS);
  expect(heapInUse() - before).toBeLessThan(CALLS * LEAST_BYTES);
});
