// What very many calls of an asynchronous export leave behind: nothing, or what the store is charged for.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { createRuntime } from '../../../src/index.ts';
import { SUBTASK_BYTES, THREAD_BYTES, WAITABLE_SET_BYTES } from '../../../src/runtime/tasks/host-bytes.ts';
import { interleavingGuest } from '../../../tools/components/interleaving-guest.ts';
import { STEADY_GUEST, steadyImports } from '../../support/steady-guest.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What the host may keep for the store: some hundred tasks or waitables. */
const limits = { maxExecutionTimeMs: 60_000, maxMemoryBytes: 2 ** 20 };

function heapInUse(): number {
  collect();
  return getHeapStatistics().used_heap_size;
}

it('a hundred thousand calls that wait leave nothing on the heap, and no task, handle or event in the store', async () => {
  await using runtime = await createRuntime({});
  const handle = await runtime.load(await parse(STEADY_GUEST), { imports: steadyImports, limits });
  const many = async (calls: number): Promise<void> => {
    for (let n = 0; n < calls; n++) if ((await runtime.call(handle, 'f', n)) !== n + 1) throw new Error(`call ${n}`);
  };
  await many(20_000);
  const before = heapInUse();
  await many(80_000);
  // The least that a call could leave is an entry of a list, of 8 bytes; code that V8 compiles meanwhile is less than the rest.
  expect(heapInUse() - before).toBeLessThan(80_000 * 8);
});

it('tasks that answer and then wait for what never comes are charged, until the store may keep no more', async () => {
  await using runtime = await createRuntime({});
  const handle = await runtime.load(await parse(STEADY_GUEST), { imports: steadyImports, limits });
  let calls = 0;
  const more = async (): Promise<never> => {
    for (; ; calls++) expect(await runtime.call(handle, 'stay', calls)).toBe(calls);
  };
  await expect(more()).rejects.toMatchObject({
    code: 'RUNTIME_TRAP',
    message: expect.stringMatching(/the tasks of the component make the host keep more than it may/),
  });
  expect(calls).toBeGreaterThan(50);
  // Each call keeps a thread of 768 bytes, a set of 128, and a stream's two ends of 384 each.
  expect(calls).toBeLessThan(limits.maxMemoryBytes / 1_664);
});

it('a call that waits beside thousands keeps no more of the heap than the store is charged for it, the promises of the embedder included', async () => {
  const waiting = 4_000;
  await using runtime = await createRuntime({});
  const answers: (() => void)[] = [];
  const wait = (n: number): Promise<number> => new Promise((resolve) => answers.push(() => resolve(n)));
  const handle = await runtime.load(await parse(interleavingGuest(false)), {
    imports: { wait },
    concurrency: waiting,
    limits: { maxTurnTimeMs: 600_000 },
  });
  const keptByEach = async (): Promise<number> => {
    const before = heapInUse();
    const calls = Array.from({ length: waiting }, () => runtime.call(handle, 'work', 1));
    while (answers.length < waiting) await new Promise((resolve) => setImmediate(resolve));
    const kept = (heapInUse() - before) / waiting;
    for (const answer of answers.splice(0)) answer();
    await Promise.all(calls);
    return kept;
  };
  // The first calls compile, and make tables that the store keeps.
  await keptByEach();
  expect(await keptByEach()).toBeLessThan(THREAD_BYTES + SUBTASK_BYTES + WAITABLE_SET_BYTES);
});
