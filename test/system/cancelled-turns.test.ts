// What becomes of a turn for whose answer its caller waits no more: `cancel` of `load`.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRuntime, type HostCaller, hostFunction, type LoadOptions, type Runtime } from '../../src/index.ts';
import { askingActor, sleepingActor } from '../../tools/components/asking-actor.ts';
import { waitingGuest } from '../../tools/components/waiting-guest.ts';

const DB = 'test:waiting/db@1.0.0';
let guest: Uint8Array;
let sleeps: Uint8Array;
beforeAll(async () => {
  [guest, sleeps] = await Promise.all([waitingGuest(), sleepingActor(60_000)]);
});

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function started(): Promise<Runtime> {
  const runtime = await createRuntime();
  open.push(runtime);
  return runtime;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);
const never = (): Promise<never> => new Promise(() => {});
const db = (functions: object = {}) => ({ [DB]: { find: never, number: never, nothing: never, ...functions } });
const loadGuest = (runtime: Runtime, options: LoadOptions = {}) =>
  runtime.load(guest, { id: 'demo/waits/1', imports: db(), limits: { maxExecutionTimeMs: 60_000 }, ...options });
const polled = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 300_000, interval: 1 });

describe('a request that is given up', () => {
  it.each(['timeoutMs', 'signal'] as const)(
    "ends its turn by its %s where the actor has `cancel: 'turn'`",
    async (how) => {
      const runtime = await started();
      const handle = await runtime.load(sleeps, { id: 'demo/sleeps/1', cancel: 'turn' });
      const giving = new AbortController();
      const reply = runtime.request(
        handle,
        bytes('x'),
        how === 'signal' ? { signal: giving.signal } : { timeoutMs: 1 },
      );
      const code = how === 'signal' ? 'RUNTIME_ABORTED' : 'MESSAGING_TIMEOUT';
      const ended = expect(reply).rejects.toMatchObject({ code });
      if (how === 'signal') await polled(() => expect(runtime.state(handle)).toBe('waiting'));
      giving.abort();
      await ended;
      await polled(() => expect(runtime.state(handle)).toBe('failed'));
      expect(runtime.deadLetters()).toMatchObject([{ reason: 'failed', error: { code } }]);
    },
  );

  it('leaves its turn alone otherwise: the answer is dropped', async () => {
    const runtime = await started();
    const handle = await runtime.load(sleeps, { id: 'demo/sleeps/1' });
    await expect(runtime.request(handle, bytes('x'), { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'MESSAGING_TIMEOUT',
    });
    await polled(() => expect(runtime.state(handle)).toBe('waiting'));
  });

  it('ends no turn but its own: one that waits in the mailbox is not begun', async () => {
    const runtime = await started();
    const handle = await runtime.load(sleeps, { id: 'demo/sleeps/1', cancel: 'turn' });
    const first = runtime.request(handle, bytes('x'), { timeoutMs: 60_000 });
    const ended = expect(first).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
    await expect(runtime.request(handle, bytes('x'), { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'MESSAGING_TIMEOUT',
    });
    await polled(() => expect(runtime.state(handle)).toBe('waiting'));
    await runtime.close();
    await ended;
  });

  it('restarts a supervised actor, which takes the next message', async () => {
    const runtime = await started();
    const handle = await runtime.load(await sleepingActor(1), {
      id: 'demo/sleeps/1',
      cancel: 'turn',
      supervision: { restart: 'transient', backoffMs: 0 },
    });
    await expect(runtime.request(handle, new Uint8Array(29_000), { timeoutMs: 1 })).rejects.toMatchObject({
      code: 'MESSAGING_TIMEOUT',
    });
    expect(await runtime.request(handle, bytes('x'), { timeoutMs: 20_000 })).toEqual(new Uint8Array(bytes('x')));
  });

  it('gives up what its turn has asked: a question that waits in a mailbox is not begun', async () => {
    const runtime = await started();
    const target = await runtime.load(sleeps, { id: 'demo/sleeps/1' });
    const busy = runtime.request(target, bytes('x'), { timeoutMs: 60_000 }).catch(() => {});
    const asks = await runtime.load(await askingActor('demo', 'sleeps', '1', 60_000), {
      id: 'demo/asks/1',
      cancel: 'turn',
      grants: ['messaging:*:demo/*/*'],
    });
    const reply = runtime.request(asks, bytes('x'), { timeoutMs: 20 });
    await expect(reply).rejects.toMatchObject({ code: 'MESSAGING_TIMEOUT' });
    await polled(() => expect(runtime.state(asks)).toBe('failed'));
    // The host's first request is all that is open.
    expect(runtime.metrics().messages.openRequests).toBe(1);
    await runtime.close();
    await busy;
  });

  it("is the embedder's: an actor that asks cannot end the turn of another", async () => {
    const runtime = await started();
    const target = await runtime.load(sleeps, { id: 'demo/sleeps/1', cancel: 'turn' });
    const asks = await runtime.load(await askingActor('demo', 'sleeps', '1', 50), {
      id: 'demo/asks/1',
      grants: ['messaging:*:demo/*/*'],
    });
    const reply = await runtime.request(asks, bytes('x'), { timeoutMs: 20_000 });
    expect(Buffer.from(reply ?? []).toString()).toMatch(/^!/);
    // On a busy machine the question may be too late before the turn of the other begins.
    expect(['waiting', 'ready']).toContain(runtime.state(target));
  });
});

describe.each(['preemptive', 'cooperative'] as const)('a call that is given up, %s', (scheduling) => {
  it.each(['timeoutMs', 'signal'] as const)('ends its turn by its %s where the component has it so', async (how) => {
    const runtime = await started();
    const { promise: called, resolve } = Promise.withResolvers<HostCaller>();
    let asked = 0;
    const handle = await loadGuest(runtime, {
      scheduling,
      cancel: 'turn',
      imports: db({
        nothing: hostFunction((caller: HostCaller) => {
          resolve(caller);
          return never();
        }),
        number: () => {
          asked += 1;
        },
      }),
    });
    const giving = new AbortController();
    const target = { name: 'catching', ...(how === 'signal' ? { signal: giving.signal } : { timeoutMs: 1 }) };
    const code = how === 'signal' ? 'RUNTIME_ABORTED' : 'RUNTIME_TURN_TIMEOUT';
    const ended = expect(runtime.call(handle, target)).rejects.toMatchObject({ code });
    const { signal } = await called;
    giving.abort();
    await ended;
    expect(signal.reason).toMatchObject({ code });
    expect(asked).toBe(0);
    expect(runtime.state(handle)).toBe('failed');
  });

  it('rejects at once otherwise, and the turn goes on', async () => {
    const runtime = await started();
    const { promise, resolve } = Promise.withResolvers<bigint>();
    const handle = await loadGuest(runtime, { scheduling, imports: db({ number: () => promise }) });
    const giving = new AbortController();
    const ended = expect(runtime.call(handle, { name: 'sum', signal: giving.signal }, 1)).rejects.toMatchObject({
      code: 'RUNTIME_ABORTED',
    });
    await polled(() => expect(runtime.state(handle)).toBe('waiting'));
    giving.abort();
    await ended;
    expect(runtime.state(handle)).toBe('waiting');
    resolve(1n);
    expect(await runtime.call(handle, { name: 'sum', timeoutMs: 20_000 }, 2)).toBe(2n);
  });

  it('is not begun where it still waits for its turn, and the turn before it goes on', async () => {
    const runtime = await started();
    const { promise, resolve } = Promise.withResolvers<bigint>();
    let asked = 0;
    const number = () => {
      asked += 1;
      return promise;
    };
    const handle = await loadGuest(runtime, { scheduling, cancel: 'turn', imports: db({ number }) });
    const first = runtime.call(handle, 'sum', 1);
    await expect(runtime.call(handle, { name: 'sum', timeoutMs: 1 }, 1)).rejects.toMatchObject({
      code: 'RUNTIME_TURN_TIMEOUT',
    });
    resolve(5n);
    expect(await first).toBe(5n);
    expect(await runtime.call(handle, 'sum', 1)).toBe(5n);
    expect(asked).toBe(2);
  });

  it('costs a component with a store for each call nothing but the call', async () => {
    const runtime = await started();
    const number = (n: number) => (n === 7 ? never() : 1n);
    const options = { scheduling, cancel: 'turn', store: 'per-call', imports: db({ number }) } as const;
    const handle = await loadGuest(runtime, options);
    const given = { name: 'sum', timeoutMs: 1 };
    await expect(runtime.call(handle, given, 7)).rejects.toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    expect(runtime.state(handle)).toBe('ready');
    expect(await runtime.call(handle, 'sum', 3)).toBe(3n);
  });

  it('may be given up by the very function that it calls', async () => {
    const runtime = await started();
    const giving = new AbortController();
    const number = () => {
      giving.abort();
      return 1n;
    };
    const handle = await loadGuest(runtime, { scheduling, cancel: 'turn', imports: db({ number }) });
    const target = { name: 'sum', signal: giving.signal };
    await expect(runtime.call(handle, target, 100)).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    expect(runtime.state(handle)).toBe('failed');
  });
});

describe('a turn that computes', () => {
  it.each(['timeoutMs', 'signal'] as const)('ends within a slice by the %s of its call', async (how) => {
    const runtime = await started();
    const handle = await loadGuest(runtime, { scheduling: 'preemptive', cancel: 'turn' });
    const giving = new AbortController();
    const target = { name: 'spin', ...(how === 'signal' ? { signal: giving.signal } : { timeoutMs: 1 }) };
    const ended = expect(runtime.call(handle, target, 2 ** 31)).rejects.toMatchObject({
      code: how === 'signal' ? 'RUNTIME_ABORTED' : 'RUNTIME_TURN_TIMEOUT',
    });
    setImmediate(() => giving.abort());
    await ended;
    expect(runtime.usage(handle).last.fuelConsumed).toBeGreaterThan(0n);
  });
});

describe('a turn that waits in a store of its own, or where nothing of the guest is on its stack', () => {
  it('ends when its component is unloaded', async () => {
    const runtime = await started();
    const handle = await loadGuest(runtime, { store: 'per-call' });
    const ended = expect(runtime.call(handle, 'sum', 1)).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await new Promise((resolve) => setImmediate(resolve));
    await runtime.unload(handle);
    await ended;
  });

  it('ends by its time, an unload and its caller where its export is an import', async () => {
    const forwards = await parse('(component (import "slow" (func $f (result u32))) (export "again" (func $f)))');
    const runtime = await started();
    const load = (options: LoadOptions) => runtime.load(forwards, { imports: { slow: never }, ...options });
    const late = await load({ id: 'demo/late/1', limits: { maxTurnTimeMs: 1 } });
    await expect(runtime.call(late, 'again')).rejects.toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    const given = await load({ id: 'demo/given/1', cancel: 'turn' });
    await expect(runtime.call(given, { name: 'again', timeoutMs: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('again'),
    });
    expect(runtime.state(given)).toBe('failed');
    const unloaded = await load({ id: 'demo/unloaded/1' });
    const ended = expect(runtime.call(unloaded, 'again')).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await polled(() => expect(runtime.state(unloaded)).toBe('waiting'));
    await runtime.unload(unloaded);
    await ended;
  });
});
