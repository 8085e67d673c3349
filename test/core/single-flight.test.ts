import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SingleFlight } from '#core';

/** Work that ends when it is told to, and notes whether it was aborted. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const state = { begun: 0, aborted: false, resolve, reject };
  const run = (signal: AbortSignal): Promise<string> => {
    state.begun++;
    signal.addEventListener('abort', () => {
      state.aborted = true;
    });
    return promise;
  };
  return { ...state, state, run };
}

describe('SingleFlight', () => {
  it('shares a value and an error, and remembers neither', async () => {
    const flights = new SingleFlight<string>();
    const { state, run } = work();
    const first = [flights.run('key', run), flights.run('key', run)];
    state.resolve('done');
    expect(await Promise.all(first)).toEqual(['done', 'done']);
    expect(state.begun).toBe(1);
    const failing = work();
    const second = [flights.run('key', failing.run), flights.run('key', failing.run)];
    failing.state.reject(new Error('failed'));
    for (const each of second) await expect(each).rejects.toThrow('failed');
    expect(failing.state.begun).toBe(1);
  });

  it('gives who stops waiting its reason, or what the owner makes of it', async () => {
    const stopped = AbortSignal.abort(new Error('enough'));
    const { run } = work();
    await expect(new SingleFlight<string>().run('key', run, { signal: stopped })).rejects.toThrow('enough');
    const own = new SingleFlight<string>(({ reason }) => new TypeError('given up', { cause: reason }));
    await expect(own.run('key', run, { signal: stopped })).rejects.toThrow(TypeError);
  });

  it('aborts the work when nobody waits for it any more, and only then', async () => {
    const askers = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(askers, fc.boolean(), async (leaving, patient) => {
        const flights = new SingleFlight<string>();
        const { state, run } = work();
        const joined = { count: 0 };
        const onJoin = () => void joined.count++;
        const waits = leaving.map((leaves) => {
          const controller = new AbortController();
          return { leaves, controller, result: flights.run('key', run, { signal: controller.signal, onJoin }) };
        });
        if (patient) waits.push({ leaves: false, controller: new AbortController(), result: flights.run('key', run) });
        for (const { leaves, controller } of waits) if (leaves) controller.abort(new Error('enough'));
        const allLeft = waits.every(({ leaves }) => leaves);
        expect(state.aborted).toBe(allLeft);
        // Whoever comes after an abort begins anew.
        const late = work();
        const after = flights.run('key', late.run);
        expect(late.state.begun).toBe(allLeft ? 1 : 0);
        state.resolve('done');
        late.state.resolve('late');
        expect(await after).toBe(allLeft ? 'late' : 'done');
        const outcomes = await Promise.allSettled(waits.map(({ result }) => result));
        expect(outcomes.map(({ status }) => status === 'rejected')).toEqual(waits.map(({ leaves }) => leaves));
        expect(state.begun).toBe(1);
        expect(joined.count).toBe(leaving.length - 1);
        await flights.settled();
      }),
      { numRuns: 50 },
    );
  });
});
