// Turns that wait, and that give the thread away, in calls between the components of a composition.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from '../../src/index.ts';
import { MAY_NEST_CALLS } from '../../src/runtime/execution/jspi.ts';
import { composedGuests } from '../support/composed-guests.ts';

const guests: Uint8Array[] = [];
beforeAll(async () => {
  guests.push(...(await Promise.all([1, 3].map(composedGuests))));
});

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function load(
  slow: (n: number) => unknown,
  options: LoadOptions = {},
  guest: Uint8Array | undefined = guests[1],
): Promise<{ runtime: Runtime; handle: ComponentHandle }> {
  const runtime = await createRuntime();
  open.push(runtime);
  const limits = { maxExecutionTimeMs: 60_000, ...options.limits };
  const handle = await runtime.load(guest as Uint8Array, { imports: { slow }, ...options, limits });
  return { runtime, handle };
}

const later = async (n: number): Promise<number> => {
  await nextTurn();
  return n * 2;
};

describe.skipIf(!MAY_NEST_CALLS).each(['preemptive', 'cooperative'] as const)(
  'components that call each other, %s',
  (scheduling) => {
    it.each([0, 1])('wait through each other, and cost the same as where nothing waits', async (which) => {
      const results: unknown[] = [];
      for (const slow of [later, (n: number) => n * 2]) {
        const { runtime, handle } = await load(slow, { scheduling }, guests[which]);
        for (const n of [1, 2, 3]) {
          const answer = await runtime.call(handle, 'call', n);
          const { last, memoryBytes } = runtime.usage(handle);
          results.push([answer, last.fuelConsumed, memoryBytes]);
        }
      }
      expect(results.slice(0, 3)).toEqual(results.slice(3));
      expect(results[0]).toEqual([expect.any(Number), expect.any(BigInt), expect.any(Number)]);
    });

    it('answer the error case from the innermost, after it has waited', async () => {
      const { runtime, handle } = await load(later, { scheduling });
      await expect(runtime.call(handle, 'call', 13)).rejects.toMatchObject({ payload: 27 });
      expect(await runtime.call(handle, 'call', 1)).toEqual(expect.any(Number));
    });

    it.each([
      [12, 'at once'],
      [14, 'after it has waited'],
    ])('end all together where one traps: %i, %s; none can catch it', async (n) => {
      let asked = 0;
      const slow = (given: number): Promise<number> => {
        asked += 1;
        return later(given);
      };
      const { runtime, handle } = await load(slow, { scheduling });
      await expect(runtime.call(handle, 'call', n)).rejects.toMatchObject({
        code: 'RUNTIME_TRAP',
        message: expect.stringContaining('unreachable'),
      });
      expect(asked).toBe(n === 12 ? 0 : 1);
      expect(runtime.state(handle)).toBe('failed');
    });

    it('end all together where their fuel ends, in whichever of them', async () => {
      const full = await load(later, { scheduling });
      await full.runtime.call(full.handle, 'call', 1);
      const { fuelConsumed } = full.runtime.usage(full.handle).last;
      for (const maxFuel of [fuelConsumed, fuelConsumed - 1n, fuelConsumed / 2n, 20n]) {
        const { runtime, handle } = await load(later, { scheduling, limits: { maxFuel } });
        const call = runtime.call(handle, 'call', 1);
        if (maxFuel === fuelConsumed) expect(await call).toEqual(expect.any(Number));
        else await expect(call).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
        expect(runtime.usage(handle).last.fuelConsumed).toBe(maxFuel);
      }
    });

    it.each(['unload', 'time', 'caller'] as const)('end while they wait by their %s', async (how) => {
      const limits = how === 'time' ? { maxTurnTimeMs: 5 } : {};
      const { runtime, handle } = await load(() => new Promise(() => {}), { scheduling, limits, cancel: 'turn' });
      const target = how === 'caller' ? { name: 'call', timeoutMs: 5 } : 'call';
      const code = how === 'unload' ? 'RUNTIME_ABORTED' : 'RUNTIME_TURN_TIMEOUT';
      const ended = expect(runtime.call(handle, target, 1)).rejects.toMatchObject({ code });
      await vi.waitFor(() => expect(runtime.state(handle)).not.toBe('ready'), { timeout: 300_000, interval: 1 });
      if (how === 'unload') await runtime.unload(handle);
      await ended;
    });
  },
);

describe.skipIf(!MAY_NEST_CALLS)('a component within another that computes', () => {
  it('gives the thread away, and ends where its caller gives it up', async () => {
    const { runtime, handle } = await load(later, { scheduling: 'preemptive', cancel: 'turn' });
    const giving = new AbortController();
    const ended = expect(runtime.call(handle, { name: 'call', signal: giving.signal }, 15)).rejects.toMatchObject({
      code: 'RUNTIME_ABORTED',
    });
    for (let turns = 0; turns < 3; turns++) await nextTurn();
    expect(runtime.state(handle)).toBe('handling');
    giving.abort();
    await ended;
  });
});

describe.skipIf(!MAY_NEST_CALLS)('two compositions', () => {
  it('may go on in the order opposite to that in which they waited', async () => {
    const answers: ((n: number) => void)[] = [];
    const slow = (): Promise<number> => new Promise((resolve) => answers.push(resolve));
    const one = await load(slow, { id: 'demo/one/1' });
    const two = await load(slow, { id: 'demo/two/1' });
    const calls = [one.runtime.call(one.handle, 'call', 13), two.runtime.call(two.handle, 'call', 13)].map((call) =>
      call.catch(({ payload }) => payload),
    );
    await nextTurn();
    expect(answers).toHaveLength(2);
    answers[1]?.(2);
    answers[0]?.(1);
    expect(await Promise.all(calls)).toEqual([2, 3]);
  });
});
