// What turns leave in the old generation of the heap. Collections of the young generation are short while next to nothing survives them.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { serveExchange } from '../../src/system/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { askingActor } from '../../tools/components/asking-actor.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { interleavingGuest } from '../../tools/components/interleaving-guest.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';
import { SilentExchange } from '../support/silent-exchange.ts';
import { STEADY_GUEST, steadyImports } from '../support/steady-guest.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options: { readonly type: 'major' | 'minor' }) => void;

/** As many as a server answers side by side: what waits for others takes other paths. */
const SIDE_BY_SIDE = 16;
const TIMES = 800;
/**
 * A promising call leaves some 430 bytes, whatever it calls, because V8 keeps the objects of its stack until it collects the whole heap. A call
 * of an asynchronous export makes two.
 */
const MOST_BYTES = 1_100;

type Ask = (n: number) => Promise<unknown>;

/** The bytes that each call leaves of what only a collection of the whole heap frees. */
async function keptBytes(ask: Ask): Promise<number> {
  const round = (): Promise<unknown> =>
    Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, async () => {
        for (let n = 0; n < TIMES / SIDE_BY_SIDE; n++) await ask(n);
      }),
    );
  // What has survived a collection of the whole heap is old, and what it refers to then stays.
  for (let warming = 0; warming < 3; warming++) {
    await round();
    collect({ type: 'major' });
  }
  const before = process.memoryUsage().heapUsed;
  await round();
  // What is alive at the first is old after the second.
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  return (process.memoryUsage().heapUsed - before) / TIMES;
}

const PAYLOAD = new Uint8Array([1]);

/** Each kind of turn. They may wait for one another, for an answer of the embedder's, or for nothing. */
const KINDS: Readonly<Record<string, (runtime: Runtime) => Promise<Ask>>> = {
  'a request for an answer of HTTP to one instance': async (runtime) => {
    const handle = await runtime.load(await helloHandler(), { store: 'per-actor' });
    return () => serveExchange(runtime, handle, new SilentExchange());
  },
  'a request for an answer of HTTP to a fresh instance': async (runtime) => {
    const handle = await runtime.load(await helloHandler(), { store: 'per-call' });
    return () => serveExchange(runtime, handle, new SilentExchange());
  },
  'a request': async (runtime) => {
    const handle = await runtime.load(await actor());
    return () => runtime.request(handle, PAYLOAD);
  },
  'a request with a signal': async (runtime) => {
    const handle = await runtime.load(await actor());
    const { signal } = new AbortController();
    return () => runtime.request(handle, PAYLOAD, { signal });
  },
  'a request to an actor that asks another one': async (runtime) => {
    await runtime.load(await actor(), { id: 'young/asked/1' });
    const handle = await runtime.load(await askingActor('young', 'asked', '1'), { id: 'young/asks/1' });
    return () => runtime.request(handle, PAYLOAD);
  },
  'a call that waits for the embedder': async (runtime) => {
    const db = { find: async (key: string) => key, number: async () => 1n, nothing: async () => {} };
    const handle = await runtime.load(await waitingGuest(), { imports: { 'test:waiting/db@1.0.0': db } });
    return () => runtime.call(handle, 'sum', 1);
  },
  'a call of an asynchronous export': async (runtime) => {
    const handle = await runtime.load(await parse(STEADY_GUEST), { imports: steadyImports });
    return (n) => runtime.call(handle, 'f', n);
  },
  'a call of an asynchronous export beside others': async (runtime) => {
    const guest = await parse(interleavingGuest(false));
    const handle = await runtime.load(guest, { imports: { wait: async () => 0 }, concurrency: SIDE_BY_SIDE });
    return () => runtime.call(handle, 'work', 0);
  },
};

describe('a turn', () => {
  it.each(Object.entries(KINDS))('of this kind leaves the old generation as it is: %s', async (_, loaded) => {
    await using runtime = await createRuntime();
    expect(await keptBytes(await loaded(runtime))).toBeLessThan(MOST_BYTES);
  });
});
