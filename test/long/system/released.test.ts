// What a component held is released when its life ends, in whatever way: V8 counts the instances that are left after a full collection.
import { queryObjects } from 'node:v8';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { createRuntime, type Runtime } from '#system';
import { actor } from '../../../tools/components/actor-wat.ts';
import { helloHandler } from '../../../tools/components/hello-handler.ts';

const components: Record<
  'echo' | 'other' | 'traps' | 'spins' | 'failsToStart' | 'isUnhealthy' | 'hello' | 'failsToEnd',
  Uint8Array
> = Object.create(null);
beforeAll(async () => {
  components.echo = await actor();
  components.other = await actor({ memory: '2' });
  components.traps = await actor({ handleMessage: 'unreachable' });
  components.spins = await actor({ handleMessage: '(loop $again (br $again)) unreachable' });
  components.failsToStart = await actor({ initialize: 'unreachable' });
  components.isUnhealthy = await actor({ health: '(i32.const 2)' });
  components.failsToEnd = await actor({ shutdown: 'unreachable' });
  components.hello = await helloHandler();
});

const HI = Buffer.from('hi');
const ignored = (): undefined => undefined;
const LIMITS = { maxFuel: 100_000_000n };

async function loaded(runtime: Runtime, source: Uint8Array, options: object = {}): Promise<void> {
  const handle = await runtime.load(source, { id: 'demo/one/1', limits: LIMITS, ...options });
  await runtime.request(handle, HI).catch(ignored);
  await runtime.unload(handle);
}

/** Lives that leave as many instances as there were. Each is lived many times in one runtime. */
const LIVES: readonly (readonly [string, (runtime: Runtime) => Promise<unknown>])[] = [
  ['that is loaded and unloaded', (runtime) => loaded(runtime, components.echo)],
  ['that has trapped', (runtime) => loaded(runtime, components.traps)],
  ['that was out of fuel', (runtime) => loaded(runtime, components.spins)],
  ['that does not start', (runtime) => loaded(runtime, components.failsToStart).catch(ignored)],
  ['that traps when it is shut down', (runtime) => loaded(runtime, components.failsToEnd)],
  ['that is no component', (runtime) => loaded(runtime, HI).catch(ignored)],
  [
    'that has trapped and stays loaded without its store',
    async (runtime) => {
      const old = runtime.find('demo/one/1');
      if (old !== undefined) await runtime.unload(old);
      const handle = await runtime.load(components.traps, { id: 'demo/one/1' });
      await runtime.request(handle, HI).catch(ignored);
    },
  ],
  [
    'that is restarted',
    async (runtime) => {
      const id = 'demo/restarted/1';
      const options = { id, supervision: { restart: 'permanent', maxRestarts: 1_000, backoffMs: 0 } } as const;
      const handle = runtime.find(id) ?? (await runtime.load(components.traps, options));
      const restarted = new Promise<void>((resolve) => {
        const off = runtime.on('restart', () => {
          off();
          resolve();
        });
      });
      await runtime.request(handle, HI).catch(ignored);
      await restarted;
      await expect.poll(() => runtime.state(handle)).toBe('ready');
    },
  ],
  [
    'that is replaced',
    async (runtime) => {
      const handle = runtime.find('demo/two/1') ?? (await runtime.load(components.echo, { id: 'demo/two/1' }));
      await runtime.replace(handle, components.other);
      await runtime.request(handle, HI);
    },
  ],
  [
    'whose next version fails',
    async (runtime) => {
      const handle = runtime.find('demo/two/1') ?? (await runtime.load(components.echo, { id: 'demo/two/1' }));
      for (const source of [HI, components.failsToStart, components.isUnhealthy])
        await runtime.replace(handle, source).catch(ignored);
      await runtime.request(handle, HI);
    },
  ],
  [
    'that answers requests, each with its own store',
    async (runtime) => {
      const handle = runtime.find('demo/web/1') ?? (await runtime.load(components.hello, { id: 'demo/web/1' }));
      const [whole, left] = await Promise.all([
        runtime.fetch(handle, new Request('http://host/')),
        runtime.fetch(handle, new Request('http://host/')),
        runtime.fetch(handle, new Request('http://host/', { signal: AbortSignal.abort() })).catch(ignored),
      ]);
      await whole.text();
      await left.body?.cancel();
      // Some of its instances wait for further requests as long as it is loaded.
      await runtime.unload(handle);
    },
  ],
  [
    'that answers requests and is replaced meanwhile',
    async (runtime) => {
      const handle = runtime.find('demo/web/1') ?? (await runtime.load(components.hello, { id: 'demo/web/1' }));
      const asked = Array.from({ length: 5 }, () => runtime.fetch(handle, new Request('http://host/')));
      await runtime.replace(handle, components.hello, { store: 'per-actor', reuse: { maxRequests: 2 } });
      for (const response of await Promise.all(asked)) await response.text();
      await runtime.replace(handle, components.hello, { store: 'per-call', reuse: undefined });
    },
  ],
  [
    'that subscribes and is sent messages that it loses',
    async (runtime) => {
      const options = { id: 'demo/full/1', mailbox: { maxMessages: 1, overflow: 'drop-oldest' } } as const;
      const handle = await runtime.load(components.echo, options);
      await Promise.all([runtime.send(handle, HI), runtime.send(handle, HI), runtime.send(handle, HI)]);
      await runtime.unload(handle);
    },
  ],
];

/** Requests that ended a moment ago leave tasks and timers of Node's own, which hold what they belong to until they have run. */
async function instancesLeft(): Promise<number> {
  for (let step = 0; step < 5; step += 1) await new Promise(setImmediate);
  return queryObjects(WebAssembly.Instance, { format: 'count' });
}

it.each(LIVES)('a component %s leaves nothing behind', async (_, live) => {
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  for (let count = 0; count < 3; count += 1) await live(runtime);
  const before = await instancesLeft();
  for (let count = 0; count < 10; count += 1) await live(runtime);
  expect(await instancesLeft()).toBeLessThanOrEqual(before);
  // The runtime has lived until now, so that what it holds was counted.
  expect(runtime.state).toBeDefined();
});
