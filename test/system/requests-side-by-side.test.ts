// Requests that one instance answers side by side: `concurrency` with `fetch`.
import { readFileSync } from 'node:fs';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime, toResponse } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { WAITING_HANDLER } from '../../tools/components/waiting-handler.ts';
import { settled, watch } from '../support/settled.ts';

const SERVICE = readFileSync('test/toolchains/components/rust-service.wasm');

let handler: Uint8Array;
beforeAll(async () => {
  handler = await parse(WAITING_HANDLER);
});

/** A request that its handler cannot finish before its body ends. */
interface Held {
  readonly answer: Promise<Response>;
  /** The text of the answer, or what ended it. */
  readonly text: Promise<unknown>;
  end(body?: string): Promise<void>;
  leave(): void;
}

/** A service whose handler waits for what the test answers. */
async function waiting(options: LoadOptions) {
  const waits: (() => void)[] = [];
  const wait = (): Promise<number> => new Promise((resolve) => void waits.push(() => resolve(1)));
  return { waits, ...(await scene({ imports: { wait }, ...options }, handler)) };
}

async function scene(options: LoadOptions = {}, component: Uint8Array = SERVICE) {
  const clock = new TestClock();
  const runtime: Runtime = watch(await createRuntime({ overrides: { clock }, limits: { maxExecutionTimeMs: 5_000 } }));
  onTestFinished(() => runtime.close());
  const handle: ComponentHandle = await runtime.load(component, { id: 'demo/service/1', concurrency: 4, ...options });
  const fetch = (path: string, init?: RequestInit): Promise<Response> =>
    runtime.fetch(handle, new Request(`http://test.example${path}`, init));
  const said = (path: string): Promise<unknown> =>
    fetch(path)
      .then(
        (response) => response.text(),
        (error: unknown) => error,
      )
      .catch((error: unknown) => error);
  const held = (path: string): Held => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    const leaving = new AbortController();
    const init: RequestInit & { duplex: 'half' } = {
      method: 'POST',
      body: readable,
      duplex: 'half',
      signal: leaving.signal,
    };
    const answer = fetch(path, init);
    const text = answer.then((response) => response.text()).catch((error: unknown) => error);
    const end = async (body = ''): Promise<void> => {
      await writer.write(Buffer.from(body)).catch(() => {});
      await writer.close().catch(() => {});
    };
    return { answer, text, end, leave: () => leaving.abort() };
  };
  const open = (): number => runtime.components()[0]?.requests ?? 0;
  return { runtime, handle, clock, fetch, said, held, open };
}

const code = (error: unknown): unknown => (error as { code?: unknown }).code;

describe('requests of one instance', () => {
  it('are answered side by side, as many as `concurrency` says, and end in any order', async () => {
    const { runtime, handle, held, open } = await scene({ concurrency: 3 });
    const ended: unknown[] = [];
    const requests = ['a', 'bb', 'ccc', 'dddd'].map(() => held('/count'));
    for (const { text } of requests) void text.then((each) => ended.push(each));
    await settled();
    expect([runtime.state(handle), open()]).toEqual(['waiting', 4]);
    // The fourth waits for a place, so that its body alone does not let it answer.
    await Promise.race([requests[3]?.end('dddd'), settled()]);
    await settled();
    expect(ended).toEqual([]);
    await requests[1]?.end('bb');
    await expect.poll(() => ended).toEqual(['2', '4']);
    await requests[2]?.end('ccc');
    await expect.poll(() => ended).toEqual(['2', '4', '3']);
    await requests[0]?.end('a');
    await expect.poll(() => ended).toEqual(['2', '4', '3', '1']);
    await expect.poll(() => [runtime.state(handle), open()]).toEqual(['ready', 0]);
    expect(runtime.components()).toMatchObject([{ concurrency: 3 }]);
  });

  it('are answered one after the other by default with `per-actor`, in the order of their arrival', async () => {
    const { held } = await scene({ concurrency: 1, store: 'per-actor' });
    const ended: unknown[] = [];
    const [first, second] = [held('/count'), held('/count')];
    for (const { text } of [first, second]) void text.then((each) => ended.push(each));
    await Promise.race([second.end('bb'), settled()]);
    await settled();
    expect(ended).toEqual([]);
    await first.end('a');
    await expect.poll(() => ended).toEqual(['1', '2']);
  });

  it('share what the instance keeps, and are charged each for itself', async () => {
    const alone = await scene({ concurrency: 1, store: 'per-actor' });
    const cost = async ({ runtime, handle, held }: typeof alone, length: number): Promise<bigint> => {
      const request = held('/count');
      await request.end('x'.repeat(length));
      expect(await request.text).toBe(String(length));
      await expect.poll(() => runtime.state(handle)).toBe('ready');
      return runtime.usage(handle).last.fuelConsumed;
    };
    await cost(alone, 10);
    const expected = [await cost(alone, 10), await cost(alone, 50_000)] as const;
    const { runtime, handle, held } = await scene({ concurrency: 2 });
    const before = runtime.usage(handle).fuelConsumed;
    const [small, large] = [held('/count'), held('/count')];
    await settled();
    await large.end('x'.repeat(50_000));
    expect(await large.text).toBe('50000');
    await settled();
    const first = runtime.usage(handle).last.fuelConsumed;
    await small.end('x'.repeat(10));
    expect(await small.text).toBe('10');
    await expect.poll(() => runtime.state(handle)).toBe('ready');
    const second = runtime.usage(handle).last.fuelConsumed;
    expect(first + second).toBe(runtime.usage(handle).fuelConsumed - before);
    // How the body is cut into pieces, and how full the allocator is, differ a little.
    expect(Number(first) / Number(expected[1])).toBeCloseTo(1, 0);
    expect(Number(second) / Number(expected[0])).toBeLessThan(3);
    expect(second).toBeLessThan(first);
  });

  it.each([
    ['traps', '/trap', {}, 'RUNTIME_TRAP'],
    ['runs out of fuel', '/spin', { maxFuel: 5_000_000n }, 'METERING_OUT_OF_FUEL'],
  ])('all end with the instance where one of them %s, each told why', async (_, path, limits, why) => {
    const { runtime, handle, held, said, open } = await scene({ limits });
    const others = [held('/count'), held('/upper')];
    await settled();
    const failed = await said(path);
    expect(failed).toMatchObject({ code: why });
    for (const { text } of others) {
      const error = await text;
      expect(error).toMatchObject({ code: 'RUNTIME_INSTANCE_ENDED', cause: { code: why } });
      expect(toResponse(error).status).toBe(503);
    }
    expect(runtime.state(handle)).toBe('failed');
    await expect.poll(open).toBe(0);
    await expect(said('/hello')).resolves.toMatchObject({ code: 'RUNTIME_WRONG_STATE' });
  });

  it('meet a fresh instance after a restart, which happens once', async () => {
    const { runtime, held, said, clock } = await scene({ supervision: { restart: 'permanent', backoffMs: 0 } });
    let restarts = 0;
    runtime.on('restart', () => {
      restarts += 1;
    });
    const others = [held('/count'), held('/count')];
    await settled();
    await said('/trap');
    for (const { text } of others) expect(code(await text)).toBe('RUNTIME_INSTANCE_ENDED');
    clock.advance(1);
    expect(await said('/hello')).toBe('hello');
    expect(restarts).toBe(1);
  });

  it('are ended one by one when their time is over, after their answer', async () => {
    const { runtime, handle, held, fetch, said, clock, open } = await scene({ limits: { maxTurnTimeMs: 1_000 } });
    // A client that does not read its answer, whose body waits for it.
    const slow = await fetch('/endless');
    // A body whose trailers never come, although its task has ended.
    const forgotten = await fetch('/forgotten');
    const echo = held('/echo');
    await echo.answer;
    await settled();
    clock.advance(600);
    const other = held('/count');
    await settled();
    clock.advance(401);
    for (const late of [slow, forgotten]) {
      await expect(late.text()).rejects.toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    }
    expect(code(await echo.text)).toBe('RUNTIME_TURN_TIMEOUT');
    await expect.poll(open).toBe(1);
    // Nothing of them is left that could end the instance later.
    clock.advance(500);
    await settled();
    await other.end('abc');
    expect(await other.text).toBe('3');
    await settled();
    clock.advance(60_000);
    expect(await said('/hello')).toBe('hello');
    await expect.poll(() => runtime.state(handle)).toBe('ready');
  });

  it('are told so as tasks are cancelled, when their time is over before their answer', async () => {
    const { runtime, handle, clock, said, open, waits } = await waiting({ limits: { maxTurnTimeMs: 1_000 } });
    const [one, two] = [said('/'), said('/')];
    await settled();
    clock.advance(600);
    const other = said('/');
    await settled();
    clock.advance(401);
    for (const late of [one, two]) {
      const error = await late;
      expect(error).toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
      expect(toResponse(error).status).toBe(504);
    }
    await expect.poll(open).toBe(1);
    waits[2]?.();
    expect(await other).toMatchObject({ payload: { tag: 'internal-error' } });
    await expect.poll(() => runtime.state(handle)).toBe('ready');
  });

  it.each(['turn', 'answer'] as const)('end alone where their clients go away, with `cancel: %s`', async (cancel) => {
    const { runtime, handle, fetch, said, open, waits } = await waiting({ cancel });
    const leaving = new AbortController();
    const left = fetch('/', { signal: leaving.signal }).catch((error: unknown) => error);
    const other = said('/');
    await settled();
    leaving.abort();
    expect(await left).toMatchObject({ code: 'RUNTIME_ABORTED' });
    // Only a turn that is ended gives its place back at once.
    await settled();
    expect(open()).toBe(cancel === 'turn' ? 1 : 2);
    for (const answer of waits) answer();
    expect(await other).toMatchObject({ payload: { tag: 'internal-error' } });
    await expect.poll(open).toBe(0);
    await expect.poll(() => runtime.state(handle)).toBe('ready');
  });

  it.each(['turn', 'answer'] as const)(
    'learn that their clients have left their bodies, with `cancel: %s`',
    async (cancel) => {
      const { runtime, handle, held, fetch, open } = await scene({ cancel });
      const staying = held('/count');
      const reader = (await fetch('/endless')).body?.getReader();
      await reader?.read();
      const leaving = new AbortController();
      const aborted = await fetch('/endless', { signal: leaving.signal });
      await settled();
      expect(open()).toBe(3);
      await reader?.cancel();
      leaving.abort();
      await expect(aborted.text()).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
      await expect.poll(open).toBe(1);
      await staying.end('abc');
      expect(await staying.text).toBe('3');
      await expect.poll(() => runtime.state(handle)).toBe('ready');
    },
  );

  it('all end when the component is unloaded, and are waited for when it drains', async () => {
    const ended = await scene();
    const [one, two] = [ended.held('/count'), ended.held('/upper')];
    await settled();
    const unloading = ended.runtime.unload(ended.handle, { drain: true, timeoutMs: 10 });
    await settled();
    ended.clock.advance(11);
    await unloading;
    for (const { text } of [one, two]) expect(code(await text)).toBe('RUNTIME_ABORTED');

    const { runtime, handle, held, said } = await scene();
    const requests = [held('/count'), held('/count')];
    await settled();
    const drained = runtime.unload(handle, { drain: true, timeoutMs: 60_000 });
    expect(code(await said('/hello'))).toBe('RUNTIME_WRONG_STATE');
    for (const request of requests) await request.end('abc');
    for (const { text } of requests) expect(await text).toBe('3');
    await drained;
  });

  it('end on the version that they have begun on, while what comes meets the next at once', async () => {
    const { runtime, handle, held, said, open } = await scene({ concurrency: 2 });
    const requests = [held('/count')];
    await settled();
    let isReplaced = false;
    const replaced = runtime.replace(handle, SERVICE, { concurrency: 3 }).then(() => {
      isReplaced = true;
    });
    await expect.poll(() => runtime.components()).toMatchObject([{ concurrency: 3 }]);
    expect(await said('/hello')).toBe('hello');
    requests.push(held('/count'));
    await expect.poll(() => [open(), isReplaced]).toEqual([2, false]);
    for (const request of requests) await request.end('abc');
    for (const { text } of requests) expect(await text).toBe('3');
    await replaced;
    await expect.poll(() => runtime.state(handle)).toBe('ready');
  });

  it('of an old version end it when they trap, and not the new one', async () => {
    const fails: ((error: Error) => void)[] = [];
    const wait = (): Promise<number> => new Promise((_, reject) => void fails.push(reject));
    const options: LoadOptions = { imports: { wait }, supervision: { restart: 'permanent' } };
    const { runtime, handle, fetch } = await scene(options, handler);
    const [trapping, beside] = [1, 2].map(() => fetch('/').catch((error: unknown) => code(error)));
    await settled();
    const replaced = runtime.replace(handle, handler, { concurrency: 3 });
    await expect.poll(() => runtime.components()).toMatchObject([{ concurrency: 3 }]);
    const told: unknown[] = [];
    runtime.on('restart', (event) => void told.push(event));
    runtime.on('state', (event) => void told.push(event));
    const fresh = fetch('/').catch((error: unknown) => code(error));
    await settled();
    fails[0]?.(new Error('broken'));
    expect([await trapping, await beside]).toEqual(['RUNTIME_TRAP', 'RUNTIME_INSTANCE_ENDED']);
    await replaced;
    expect([told, runtime.state(handle), runtime.components()[0]?.requests]).toEqual([[], 'waiting', 1]);
    fails[2]?.(new Error('broken'));
    expect(await fresh).toBe('RUNTIME_TRAP');
  });

  it.each<LoadOptions>([{ store: 'per-call', concurrency: 1 }, { concurrency: 4 }])(
    'are ended on a version that was replaced once its time is over, and told why (%o)',
    async (options) => {
      const { runtime, handle, fetch, clock } = await scene(options);
      const init = { method: 'POST', duplex: 'half' } as const;
      const requests = [1, 2].map(() =>
        fetch('/count', { ...init, body: new ReadableStream() } as RequestInit).catch((error: unknown) => error),
      );
      await settled();
      const replaced = runtime.replace(handle, SERVICE, { timeoutMs: 7_000 });
      await expect.poll(() => clock.nextTimer).toBe(7_000);
      clock.advance(6_999);
      await settled();
      expect(runtime.components()).toMatchObject([{ requests: 2 }]);
      clock.advance(1);
      for (const request of requests) {
        expect(await request).toMatchObject({
          code: 'RUNTIME_INSTANCE_ENDED',
          message: 'demo/service/1 was replaced, and its old version had 7000 ms to end its requests',
        });
      }
      await replaced;
    },
  );

  it('end on their instance when a fresh one takes its place, and both are counted', async () => {
    const { runtime, handle, held, said } = await scene({ reuse: { maxRequests: 2 } });
    const before = runtime.usage(handle).fuelConsumed;
    const requests = [held('/count'), held('/count')];
    await settled();
    const used = runtime.usage(handle).fuelConsumed;
    expect(used).toBeGreaterThan(before);
    expect(await said('/hello')).toBe('hello');
    expect(runtime.usage(handle).fuelConsumed).toBeGreaterThan(used);
    // What ends the fresh instance does not end the former one.
    const later = requests.map(({ text }) => text);
    for (const request of requests) await request.end('abc');
    expect(await Promise.all(later)).toEqual(['3', '3']);
    await settled();
    const all = runtime.usage(handle).fuelConsumed;
    expect(await said('/hello')).toBe('hello');
    expect(runtime.usage(handle).fuelConsumed).toBeGreaterThan(all);
  });

  it('end with an instance that was replaced, and the fresh one goes on', async () => {
    const { runtime, handle, held, fetch, said } = await scene({ reuse: { maxRequests: 2 } });
    const waits = held('/count');
    await settled();
    // Both come at once, so that the instance is replaced before anybody is told of the trap.
    const trapping = fetch('/trap');
    const fresh = held('/count');
    await settled();
    expect(code(await (await trapping).text().catch((error: unknown) => error))).toBe('RUNTIME_TRAP');
    expect(code(await waits.text)).toBe('RUNTIME_INSTANCE_ENDED');
    await fresh.end('abc');
    expect(await fresh.text).toBe('3');
    expect(await said('/hello')).toBe('hello');
    await expect.poll(() => runtime.state(handle)).toBe('ready');
  });

  it('end, all of them, when the component is unloaded while a former instance answers', async () => {
    const { runtime, handle, held, clock } = await scene({ reuse: { maxRequests: 1 } });
    const requests = [held('/count'), held('/count'), held('/count')];
    await settled();
    const unloading = runtime.unload(handle, { drain: true, timeoutMs: 10 });
    await settled();
    clock.advance(11);
    await unloading;
    for (const { text } of requests) expect(code(await text)).toBe('RUNTIME_ABORTED');
  });
});

describe('`concurrency` of a component that answers requests', () => {
  it('keeps one instance for all, unless the store says otherwise, which is refused', async () => {
    const { runtime, said } = await scene({ concurrency: 8 });
    expect(await said('/hello')).toBe('hello');
    expect(runtime.components()).toMatchObject([{ concurrency: 8 }]);
    await expect(runtime.load(SERVICE, { store: 'per-call', concurrency: 8 })).rejects.toMatchObject({
      code: 'CORE_INVALID_OPTION',
    });
  });

  it('lets in as many requests as it says, where that is more than the default', async () => {
    const { held, open } = await scene({ concurrency: 40, requests: { maxQueued: 0 } });
    const requests = Array.from({ length: 40 }, () => held('/count'));
    await settled();
    expect(open()).toBe(40);
    expect(code(await held('/count').text)).toBe('MESSAGING_QUEUE_FULL');
    for (const request of requests) await request.end();
    for (const { text } of requests) expect(await text).toBe('0');
  });
});
