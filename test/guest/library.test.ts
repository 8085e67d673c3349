import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import type { ActorRef } from '#messaging';
import { createRuntime, type Runtime } from '#system';
import { buildActor } from '#system/operations';
import { sleepingActor } from '../../tools/components/asking-actor.ts';
import type { lifecycle } from './guests/probe.ts';

type Probe = NonNullable<(typeof lifecycle)['operations']>;

let folder: string;
let file: string;
let runtime: Runtime;
const letters: string[] = [];

let loaded: ComponentHandle[] = [];
let run = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-guest-'));
  const source = fileURLToPath(new URL('guests/probe.ts', import.meta.url));
  ({ file } = await buildActor(source, { output: join(folder, 'probe.wasm') }));
  runtime = await createRuntime({ limits: { maxExecutionTimeMs: 60_000, maxFuel: 30_000_000n } });
  runtime.on('dead-letter', ({ reason }) => void letters.push(reason));
});
afterAll(async () => {
  await runtime.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  run += 1;
});
afterEach(async () => {
  for (const handle of loaded) if (runtime.state(handle) !== 'stopped') await runtime.unload(handle);
  loaded = [];
  letters.length = 0;
});

/** The id of an actor in this test. */
const id = (name: string): string => `t/${name}/${run}`;

async function load(name: string, options: Parameters<Runtime['load']>[1] = {}): Promise<ActorRef<Probe>> {
  const handle = await runtime.load(file, { id: id(name), grants: ['messaging:*:**', 'storage:*:**'], ...options });
  loaded.push(handle);
  return runtime.actor<Probe>(handle);
}

/** Asks until the answer is what the test waits for; messages between guests take turns of their own. */
async function seenBy(
  probe: ActorRef<Probe>,
  wanted: (seen: readonly string[]) => boolean,
): Promise<readonly string[]> {
  for (let tries = 0; tries < 200; tries++) {
    const seen = await runtime.request(probe, { seen: null });
    if (wanted(seen)) return seen;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`never seen; there was ${JSON.stringify(await runtime.request(probe, { seen: null }))}`);
}

describe('vivarium/guest', () => {
  it('maps operations, text, errors, environment and configuration', async () => {
    const probe = await load('a', { env: { NAME: 'Ada' }, config: new Uint8Array(7) });
    expect(await runtime.request(probe, { seen: null })).toEqual(['Ada 7 true']);
    expect(await runtime.request(probe, { echo: { a: [1, null, 'ü'] } })).toEqual({ a: [1, null, 'ü'] });
    expect(await runtime.request(probe, { self: null })).toBe(id('a'));
    expect(await runtime.request(probe, { list: null })).toEqual([id('a')]);
    expect(Buffer.from((await runtime.request(probe.handle, Buffer.from('hi'))) ?? []).toString()).toBe('got hi');
    await expect(runtime.request(probe, { throws: 'oh' })).rejects.toMatchObject({
      code: 'RUNTIME_COMPONENT_ERROR',
      message: expect.stringContaining('oh'),
      payload: { tag: 'runtime-error', val: 'Error: oh' },
    });
    await expect(runtime.request(probe, { refuses: 'full' })).rejects.toMatchObject({
      payload: { tag: 'resource-limit' },
    });
    expect(runtime.state(probe.handle)).toBe('ready');
  });

  it('speaks CBOR when the host does', async () => {
    const json = await load('a');
    const probe = runtime.actor<Probe>(json.handle, { codec: 'cbor' });
    expect(await runtime.request(probe, { echo: { bytes: Uint8Array.of(1, 2), half: 0.5 } })).toEqual({
      bytes: Uint8Array.of(1, 2),
      half: 0.5,
    });
    await runtime.send(probe, { store: 'abc' });
    expect(await runtime.request(probe, { stored: null })).toBe(3);
  });

  it('gives every instance random numbers of its own', async () => {
    const [a, b] = [await load('a'), await load('b')];
    const drawn = await Promise.all([a, a, b, b].map((probe) => runtime.request(probe, { random: null })));
    expect(new Set(drawn).size).toBe(4);
    for (const number of drawn) expect(number >= 0 && number < 1).toBe(true);
  });
});

describe('messages between components', () => {
  it('are sent, asked, answered, broadcast and published', async () => {
    const [a, b] = [await load('a'), await load('b')];
    expect(await runtime.request(a, { send: { to: id('b'), text: 'hello' } })).toBe('ok undefined');
    expect(await runtime.request(a, { broadcast: [id('b'), id('none'), id('a')] })).toBe('ok 2');
    expect(await runtime.request(a, { publish: 'news' })).toBe('ok 2');
    await runtime.request(a, { ask: { to: id('b'), text: 'question', timeoutMs: 60_000 } });
    await seenBy(a, (seen) => seen.includes(`answer got question from ${id('b')}`));
    expect(await runtime.request(b, { seen: null })).toEqual([
      ' 0 true',
      `hello from ${id('a')}`,
      `all from ${id('a')}`,
      'probe/all: news',
      `question from ${id('a')}`,
    ]);
    expect(letters).toEqual(['refused']);
  });

  it('are refused with a reason that the guest can read', async () => {
    const a = await load('a', { limits: { maxFuel: 5_000_000_000n } });
    await load('small', { limits: { maxMemoryBytes: 3 * 2 ** 20 }, mailbox: { maxMessages: 1 } });
    const send = (to: string, text = 'x') => runtime.request(a, { send: { to, text } });
    expect(await send(id('none'))).toBe('target-not-found');
    for (const part of ['..', 'B', 'ü', '\0', 'x'.repeat(5_000)])
      expect(await send(`t/${part}/1`)).toBe('target-not-found');
    expect(await runtime.request(a, { sendLarge: { to: id('small'), bytes: 1_700_000 } })).toBe('invalid-message');
    expect(await runtime.request(a, { cancel: '0'.repeat(32) })).toBe('invalid-message');
  });

  it('tell who asked that there will be no answer: time-out, failure, target gone', async () => {
    const [a, b] = [await load('a'), await load('b')];
    await runtime.request(a, { ask: { to: id('b'), text: '{"hangs":null}', timeoutMs: 60_000 } });
    await seenBy(a, (seen) => seen.includes('no answer: delivery-failed'));
    expect(runtime.state(b.handle)).toBe('failed');
    expect(letters).toEqual(['failed']);
  });
});

describe('supervision of components', () => {
  const permanent = { restart: 'permanent', backoffMs: 1, maxRestarts: 10 } as const;
  const restarted = (handle: ComponentHandle) =>
    new Promise<void>((resolve) => {
      runtime.on('state', (change) => {
        if (change.handle === handle && change.from === 'initializing' && change.to === 'ready') resolve();
      });
    });

  it('gives a component that failed a fresh start; storage and subscriptions outlive it', async () => {
    const a = await load('a', { supervision: permanent });
    await runtime.request(a, { store: 'kept' });
    await runtime.request(a.handle, Buffer.from('forgotten'));
    await expect(runtime.request(a, { hangs: null })).rejects.toMatchObject({ code: 'METERING_OUT_OF_FUEL' });
    expect(await runtime.request(a, { seen: null })).toEqual([' 0 true']);
    expect(await runtime.request(a, { stored: null })).toBe(4);
    expect(await runtime.topic('probe/all').publish(Buffer.from('again'))).toBe(1);
    expect(letters).toEqual(['failed']);
  });

  it('keeps what waits in the mailbox, and forgets what the old instance had asked', async () => {
    const [a, b] = [await load('a', { supervision: permanent }), await load('b')];
    // It sleeps beyond the end of the test, so that no answer of its can come before the instance that asked is gone.
    loaded.push(await runtime.load(await sleepingActor(10_000), { id: id('asleep') }));
    const { cancelled } = runtime.messages;
    const hang = runtime.request(a, { askThenHang: id('asleep') }).catch((error) => error.code);
    const waiting = runtime.request(a, { self: null });
    expect(await hang).toBe('METERING_OUT_OF_FUEL');
    expect(await waiting).toBe(id('a'));
    expect(runtime.messages.cancelled).toBe(cancelled + 1);
    expect(await runtime.request(b, { self: null })).toBe(id('b'));
    expect(await runtime.request(a, { seen: null })).toEqual([' 0 true']);
  });

  it('restarts a group together, calling shutdown of those that are well', async () => {
    runtime.addSupervisor('group', { strategy: 'one-for-all', backoffMs: 1 });
    const supervision = { supervisor: 'group', restart: 'permanent' } as const;
    const [a, b] = [await load('a', { supervision }), await load('b', { supervision })];
    await runtime.request(b.handle, Buffer.from('forgotten'));
    const both = Promise.all([restarted(a.handle), restarted(b.handle)]);
    await runtime.request(a, { hangs: null }).catch(() => {});
    await both;
    expect(await runtime.request(b, { seen: null })).toEqual([' 0 true', `from shutdown from ${id('b')}`]);
  });

  it('unloads a component that fails again and again, and says so', async () => {
    const a = await load('a', { supervision: { ...permanent, maxRestarts: 1, withinMs: 600_000 } });
    const gaveUp = new Promise((resolve) => runtime.on('gave-up', resolve));
    for (let time = 0; time < 2; time++) await runtime.request(a, { hangs: null }).catch(() => {});
    expect(await gaveUp).toMatchObject({ supervisor: id('a'), reason: { code: 'SUPERVISION_INTENSITY' } });
    await expect.poll(() => runtime.state(a.handle)).toBe('stopped');
  });

  it('restarts one that says it is unhealthy', async () => {
    const supervision = { ...permanent, health: { everyMs: 5, failures: 2 } };
    const a = await load('a', { supervision });
    const health = new Promise((resolve) => runtime.on('health', resolve));
    const fresh = restarted(a.handle);
    await runtime.request(a.handle, Buffer.from('be ill'));
    expect(await health).toMatchObject({ status: 'unhealthy' });
    await fresh;
    expect(await runtime.request(a, { seen: null })).toEqual([' 0 true', `from shutdown from ${id('a')}`]);
  });

  it('leaves a component without supervision as it failed', async () => {
    const a = await load('a');
    await runtime.request(a, { hangs: null }).catch(() => {});
    expect(runtime.state(a.handle)).toBe('failed');
    await expect(runtime.request(a, { seen: null })).rejects.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
  });

  it('drains on unload; what a guest sends in its shutdown reaches others, but not itself', async () => {
    const [a, b] = [await load('a', { env: { HEIR: id('b') } }), await load('b')];
    const answers = Array.from({ length: 5 }, (_, index) => runtime.request(a, { echo: index }));
    await runtime.unload(a.handle, { drain: true });
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3, 4]);
    await seenBy(b, (seen) => seen.includes(`goodbye (unavailable) from ${id('a')}`));
    expect(letters).toEqual([]);
  });
});
