// Whoever gives up a call that has ended already, while the next one runs, ends nothing.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type LoadOptions, type Runtime } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { interleavingGuest } from '../../tools/components/interleaving-guest.ts';
import { WAITING_HANDLER } from '../../tools/components/waiting-handler.ts';
import { settled, watch } from '../support/settled.ts';

const clock = new TestClock();
let runtime: Runtime;
let guest: Uint8Array;
let handler: Uint8Array;
beforeAll(async () => {
  runtime = watch(await createRuntime({ overrides: { clock } }));
  [guest, handler] = await Promise.all([parse(interleavingGuest(false)), parse(WAITING_HANDLER)]);
});
afterAll(() => runtime.close());

const TIMEOUT_MS = 50;
/** How the caller gives up the first call. */
const WAYS = ['signal', 'timeoutMs'] as const;

/** An import whose second call gives up the first call of the component, which has ended. */
function importFor(giveUp: () => void): { readonly wait: () => Promise<number>; readonly waits: (() => void)[] } {
  const waits: (() => void)[] = [];
  const wait = (): Promise<number> => {
    const { promise, resolve } = Promise.withResolvers<number>();
    if (waits.push(() => resolve(1)) === 2) giveUp();
    return promise;
  };
  return { wait, waits };
}

describe.each([1, 4])('with `concurrency: %i`', (concurrency) => {
  const options: LoadOptions = { cancel: 'turn', concurrency };

  it.each(WAYS)('a call that its caller gives up by its %s after its end leaves the next one alone', async (way) => {
    const caller = new AbortController();
    const { wait, waits } = importFor(() => (way === 'signal' ? caller.abort() : clock.advance(TIMEOUT_MS)));
    const handle = await runtime.load(guest, { ...options, imports: { wait } });
    const bounds = way === 'signal' ? { signal: caller.signal } : { timeoutMs: TIMEOUT_MS };
    const first = runtime.call(handle, { name: 'work', ...bounds }, 1);
    // With one call at a time, this one begins in the same microtask in which the first ends.
    const second = concurrency === 1 ? runtime.call(handle, 'work', 2) : undefined;
    await settled();
    waits[0]?.();
    expect(await first).toBe(1);
    const last = second ?? runtime.call(handle, 'work', 2);
    await settled();
    waits[1]?.();
    expect(await last).toBe(1);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('a request that its client gives up then leaves the next one alone', async () => {
    const client = new AbortController();
    const { wait, waits } = importFor(() => client.abort());
    const handle = await runtime.load(handler, { ...options, store: 'per-actor', imports: { wait } });
    const fetch = (init?: RequestInit): Promise<unknown> =>
      runtime.fetch(handle, new Request('http://test.example/', init)).catch((error: unknown) => error);
    const first = fetch({ signal: client.signal });
    const second = fetch();
    await settled();
    waits[0]?.();
    await settled();
    waits[1]?.();
    // The turn of the first has ended, and its client has been told so, or it runs beside when its client goes away.
    const told = concurrency === 1 ? 'RUNTIME_COMPONENT_ERROR' : 'RUNTIME_ABORTED';
    expect(await first).toMatchObject({ code: told });
    expect(await second).toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR' });
    expect(runtime.state(handle)).toBe('ready');
  });
});
