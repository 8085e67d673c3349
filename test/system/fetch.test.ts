// HTTP requests that components answer: a handler in JavaScript that does what each request says.
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createRuntime, type FetchOptions, type LoadOptions, type Runtime, toResponse } from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { leakingHandler } from '../../tools/components/hello-handler.ts';
import { wasiGuest } from '../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest('handler');
});

const URL_ = 'http://shop.example/cart?item=1';

async function scene(options: LoadOptions = {}) {
  const runtime: Runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const handle = await runtime.load(component, { id: 'demo/handler/1', ...options });
  const fetching = (step?: string, init: RequestInit = {}, client?: { clientAddress: string }): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (step !== undefined) headers.set('x-step', step.replaceAll('\n', ' '));
    return runtime.fetch(handle, new Request(URL_, { ...init, headers }), client);
  };
  return { runtime, handle, fetching };
}

describe('a request of the web', () => {
  it('is answered by a component', async () => {
    const { fetching } = await scene();
    const response = await fetching();
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('hello');
  });

  it('has a method, a target, headers and a body, and so has its answer', async () => {
    const { fetching } = await scene();
    const step = `const list = request.headers().entries().map(([name, value]) => [name, api.text(value)]).filter(([name]) => name !== 'x-step');
      const seen = [request.method().tag, request.scheme().tag, request.authority(), request.pathWithQuery(), list, api.read(request)];
      api.answer(out, JSON.stringify(seen), 201, [['x-own', 'a'], ['set-cookie', 'one=1'], ['set-cookie', 'two=2']])`;
    const init = { method: 'POST', body: 'some text', headers: { 'x-forwarded-for': '1.2.3.4', 'x-a': 'b' } };
    const response = await fetching(step, init, { clientAddress: '9.9.9.9' });
    expect(response.status).toBe(201);
    expect(response.headers.get('x-own')).toBe('a');
    expect(response.headers.getSetCookie()).toEqual(['one=1', 'two=2']);
    const [method, scheme, authority, path, headers, body] = (await response.json()) as unknown[];
    expect([method, scheme, authority, path, body]).toEqual([
      'post',
      'HTTP',
      'shop.example',
      '/cart?item=1',
      'some text',
    ]);
    expect(headers).toEqual(
      expect.arrayContaining([
        ['x-a', 'b'],
        ['x-forwarded-for', '9.9.9.9'],
      ]),
    );
    expect(headers).not.toContainEqual(['x-forwarded-for', '1.2.3.4']);
  });

  it('whose body was read or is locked, or that is none, is refused', async () => {
    const { runtime, handle } = await scene();
    const read = new Request(URL_, { method: 'POST', body: 'abc' });
    await read.text();
    const locked = new Request(URL_, { method: 'POST', body: 'abc' });
    locked.body?.getReader();
    for (const request of [read, locked, undefined as unknown as Request, 'http://a/' as unknown as Request]) {
      await expect(async () => runtime.fetch(handle, request)).rejects.toMatchObject({ code: 'CORE_INVALID_OPTION' });
    }
  });

  it.each([
    ['an ArrayBuffer', new ArrayBuffer(3)],
    ['a DataView', new DataView(new ArrayBuffer(3))],
    ['a number', 5],
    ['a text', 'abc'],
    ['a list of wider numbers', Uint16Array.of(1, 2)],
  ])('whose stream gives %s has a body that fails, where it lost those bytes', async (_, value) => {
    const { fetching } = await scene();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(2));
        controller.enqueue(value);
        controller.close();
      },
    });
    const step = `let told = 'whole'; try { api.read(request) } catch (error) { told = error.payload.tag } api.answer(out, told)`;
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expect(await (await fetching(step, init)).text()).toBe('last-operation-failed');
  });

  it.each([
    ['hello', '5', '5'],
    ['', '0', '0'],
    ['hello', '3', 'last-operation-failed'],
    ['hello', '9', 'last-operation-failed'],
    ['hello', 'x', 'last-operation-failed'],
    ['hello', '-1', 'last-operation-failed'],
    ['', '4', 'last-operation-failed'],
  ])('with the body %j has the length %s that its head says, or breaks off: %s', async (body, length, told) => {
    const { fetching } = await scene();
    const step = `let told; try { told = api.read(request).length } catch (error) { told = error.payload.tag } api.answer(out, String(told))`;
    const init = { method: 'POST', headers: { 'content-length': length }, ...(body !== '' && { body }) };
    expect(await (await fetching(step, init)).text()).toBe(told);
  });

  it('is answered before its body is complete, and streams both ways', async () => {
    const { fetching } = await scene();
    const sent = new TransformStream<Uint8Array, Uint8Array>();
    const writer = sent.writable.getWriter();
    const step = `const answer = api.begin(out), stream = request.consume().stream();
      try { for (;;) answer.write(stream.blockingRead(65536)); } catch (error) { if (error.payload?.tag !== 'closed') throw error; }
      answer.end()`;
    const response = await fetching(step, { method: 'PUT', body: sent.readable, duplex: 'half' } as RequestInit);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (const part of ['one', 'two']) {
      await writer.write(Buffer.from(part));
      expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe(part);
    }
    await writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  it('lets a component wait for who reads slowly', async () => {
    const { runtime, handle, fetching } = await scene();
    const total = 2 ** 20;
    const step = `const answer = api.begin(out); const some = new Uint8Array(65536);
      for (let at = 0; at < ${total}; at += some.length) answer.write(some); answer.end()`;
    const response = await fetching(step);
    const { fuelConsumed } = runtime.usage(handle);
    await new Promise(setImmediate);
    expect(runtime.usage(handle).fuelConsumed).toBe(fuelConsumed);
    expect(await response.bytes()).toHaveLength(total);
  });

  it('gets an instance of its own each time, or the actor’s', async () => {
    const step = 'api.answer(out, String(api.count))';
    const count = async (fetching: (step: string) => Promise<Response>) => (await fetching(step)).text();
    const fresh = await scene();
    expect([await count(fresh.fetching), await count(fresh.fetching)]).toEqual(['1', '1']);
    const kept = await scene({ store: 'per-actor' });
    expect([await count(kept.fetching), await count(kept.fetching)]).toEqual(['1', '2']);
  });

  it('does not wait for another one that waits, where each has an instance of its own', async () => {
    const { fetching } = await scene();
    const slow = fetching('request.consume().stream().subscribe().block(); api.answer(out, "late")', {
      method: 'POST',
      body: new ReadableStream(),
      duplex: 'half',
    } as RequestInit);
    slow.catch(() => {});
    expect(await (await fetching()).text()).toBe('hello');
  });

  it.each([
    ['HEAD', 200],
    ['GET', 204],
    ['GET', 304],
  ])('has no body in the answer to %s with %i, whatever the component writes', async (method, status) => {
    const { fetching } = await scene();
    const response = await fetching(`try { api.answer(out, 'body', ${status}) } catch {}`, { method });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe('');
  });
});

describe('a component that answers wrongly', () => {
  it.each([
    ['not at all', '0', 'RUNTIME_NO_RESPONSE', 502],
    [
      'with an error',
      "api.ResponseOutparam.set(out, { tag: 'err', val: { tag: 'internal-error', val: 'secret' } })",
      'RUNTIME_COMPONENT_ERROR',
      502,
    ],
    ['with a trap', 'throw new Error("secret")', 'RUNTIME_TRAP', 502],
    ['too late', 'for (;;) {}', 'METERING_', 504],
  ])('%s is an error that the client is told without its text', async (_, step, code, status) => {
    const { fetching } = await scene(code === 'METERING_' ? { limits: { maxExecutionTimeMs: 300 } } : {});
    const error = await fetching(step).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: expect.stringContaining(code) });
    const response = toResponse(error);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('secret');
  });

  it.each([
    ['does not finish its body', "api.begin(out).write('some')", 'RUNTIME_'],
    ['traps within it', "api.begin(out).write('some'); throw new Error('oops')", 'RUNTIME_TRAP'],
    ['streams for ever', "const answer = api.begin(out); for (;;) answer.write('some')", 'METERING_'],
  ])('and %s breaks its answer off', async (_, step, code) => {
    const { fetching } = await scene(code === 'METERING_' ? { limits: { maxExecutionTimeMs: 300 } } : {});
    const response = await fetching(step);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toMatchObject({ code: expect.stringContaining(code) });
    expect(await (await fetching()).text()).toBe('hello');
  });

  it('twice, or by headers of the connection, or by a status that is none, is refused where it does so', async () => {
    const { fetching } = await scene();
    const twice = `api.answer(out, 'first'); api.answer(out, 'second')`;
    const response = await fetching(twice);
    await expect(
      response.text().then((text) => (text === 'first' ? Promise.reject(new Error(text)) : text)),
    ).rejects.toThrow();
    for (const name of ['connection', 'transfer-encoding', 'upgrade', 'keep-alive']) {
      const step = `let told; try { api.Fields.fromList([['${name}', api.bytes('x')]]) } catch (error) { told = error.payload?.tag } api.answer(out, told)`;
      expect(await (await fetching(step)).text()).toBe('forbidden');
    }
    const statuses = `const told = [0, 99, 101, 199, 600, 999].map((status) => { try { new api.OutgoingResponse(new api.Fields()).setStatusCode(status); return 'set' } catch { return 'refused' } });
      api.answer(out, [...new Set(told)].join())`;
    expect(await (await fetching(statuses)).text()).toBe('refused');
  });

  it('with more or fewer bytes than its length says, breaks its answer off', async () => {
    const { fetching } = await scene();
    for (const text of ['ab', 'abcd']) {
      const response = await fetching(`api.answer(out, '${text}', 200, [['content-length', '3']])`);
      await expect(response.text()).rejects.toThrow();
    }
  });

  it('by headers without end ends its instance alone', async () => {
    const { fetching } = await scene({ limits: { maxExecutionTimeMs: 60_000 } });
    const step = `const fields = new api.Fields(); for (let i = 0; ; i++) fields.append('x-' + i, api.bytes('y'.repeat(1000)))`;
    await expect(fetching(step)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect((await fetching()).status).toBe(200);
  });

  it('after the request has ended finds it closed', async () => {
    const { fetching } = await scene({ store: 'per-actor' });
    await (
      await fetching(
        `api.kept.request = request; api.kept.body = request.consume(); api.kept.stream = api.kept.body.stream(); api.answer(out, 'ok')`,
        { method: 'POST', body: 'unread' },
      )
    ).text();
    const step = `let told; try { told = api.kept.stream.blockingRead(10).length } catch (error) { told = error.payload.tag } api.answer(out, [api.kept.request.pathWithQuery(), told].join())`;
    expect(await (await fetching(step)).text()).toBe('/cart?item=1,closed');
  });
});

describe('a request that nobody wants any more', () => {
  const WAITS =
    "const answer = api.begin(out); answer.write('first'); request.consume().stream().subscribe().block(); answer.end()";
  const endless = () => ({ method: 'POST', body: new ReadableStream(), duplex: 'half' }) as RequestInit;

  it('ends its turn when it is aborted, before the answer and within it', async () => {
    const { runtime, handle, fetching } = await scene();
    const before = new AbortController();
    const waiting = fetching('request.consume().stream().subscribe().block()', { ...endless(), signal: before.signal });
    const ended = expect(waiting).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    before.abort();
    await ended;
    const within = new AbortController();
    const response = await fetching(WAITS, { ...endless(), signal: within.signal });
    within.abort();
    await expect(response.text()).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await runtime.unload(handle);
  });

  it('ends its turn when its body is cancelled', async () => {
    const { runtime, fetching } = await scene({ requests: { maxConcurrent: 1, maxQueued: 0 } });
    const response = await fetching(WAITS, endless());
    await expect(fetching()).rejects.toMatchObject({ code: 'MESSAGING_QUEUE_FULL' });
    await response.body?.cancel();
    const again = async (): Promise<number> => (await fetching().catch(toResponse)).status;
    await expect.poll(again).toBe(200);
    expect(runtime.metrics().messages.inFlight).toBe(0);
  });

  it('is refused where too many wait, and those that wait follow in order', async () => {
    const { fetching } = await scene({ requests: { maxConcurrent: 1, maxQueued: 1 } });
    const first = await fetching(WAITS, endless());
    const queued = fetching();
    const refused = await fetching().catch(toResponse);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    await first.body?.cancel();
    expect(await (await queued).text()).toBe('hello');
  });

  it('ends with its component', async () => {
    const { runtime, handle, fetching } = await scene();
    const response = await fetching(WAITS, endless());
    await runtime.unload(handle);
    await expect(response.text()).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    expect((await fetching().catch(toResponse)).status).toBe(503);
  });
});

describe('trailers', () => {
  const step = `const body = request.consume(), stream = body.stream(); let all = '';
    try { for (;;) all += api.text(stream.blockingRead(65536)); } catch (error) { if (error.payload?.tag !== 'closed') throw error; }
    stream[Symbol.dispose]();
    const future = api.IncomingBody.finish(body); future.subscribe().block();
    const got = future.get().val.val;
    const seen = got == null ? [] : got.entries().map(([name, value]) => name + '=' + api.text(value));
    const answer = api.begin(out); answer.write(all + ' ' + seen.join());
    answer.end(api.Fields.fromList([['x-sum', api.bytes('7')], ['x-sum', api.bytes('8')], ['set-cookie', api.bytes('evil=1')]]))`;

  async function exchanged(init: RequestInit, options: FetchOptions) {
    const { runtime, handle } = await scene();
    const headers = { 'x-step': step.replaceAll('\n', ' ') };
    const request = new Request(URL_, { method: 'POST', headers, ...init });
    const told: (readonly [string, string])[] = [];
    const onTrailers = (trailers: Headers): void => void told.push(...trailers);
    const response = await runtime.fetch(handle, request, { onTrailers, ...options });
    return { body: await response.text(), told };
  }

  it('reach a component after the body, and the embedder before the end of the answer', async () => {
    const trailers = async () => ({ 'x-check': 'sum', authorization: 'evil', host: 'evil', 'content-length': '5' });
    const { body, told } = await exchanged({ body: 'some' }, { trailers });
    expect(body).toBe('some x-check=sum');
    expect(told).toEqual([['x-sum', '7, 8']]);
  });

  it('may follow a body that is none, and may be none', async () => {
    expect((await exchanged({}, { trailers: () => [['x-a', '1']] })).body).toBe(' x-a=1');
    expect((await exchanged({ body: 'some' }, {})).body).toBe('some ');
  });

  it('that cannot be made fail the body of the request', async () => {
    const trailers = () => Promise.reject(new Error('no sum'));
    await expect(exchanged({ body: 'some' }, { trailers })).rejects.toThrow();
  });
});

describe('an instance that is reused', () => {
  const COUNT = 'api.answer(out, String(api.count))';

  /** Turns are not suspended, so that the turn of a request has ended when its answer is read. */
  async function runtimeOfWholeTurns() {
    const clock = new TestClock();
    const runtime = await createRuntime({ overrides: { clock }, scheduling: 'cooperative' });
    onTestFinished(() => runtime.close());
    return { runtime, clock };
  }

  async function reused(reuse: NonNullable<LoadOptions['reuse']>) {
    const { runtime, clock } = await runtimeOfWholeTurns();
    const handle = await runtime.load(component, { store: 'per-actor', reuse });
    const count = async (): Promise<string> => {
      const response = await runtime.fetch(handle, new Request(URL_, { headers: { 'x-step': COUNT } }));
      return response.text();
    };
    return { runtime, handle, clock, count };
  }

  it('answers as many requests as it may, and then a fresh one does', async () => {
    const { runtime, handle, count } = await reused({ maxRequests: 2 });
    const counts = [];
    for (let at = 0; at < 5; at++) counts.push(await count());
    expect(counts).toEqual(['1', '2', '1', '2', '1']);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('may do so for a time', async () => {
    const { clock, count } = await reused({ maxAgeMs: 60_000 });
    const counts = [await count(), await count()];
    clock.spend(60_000);
    counts.push(await count(), await count());
    expect(counts).toEqual(['1', '2', '1', '2']);
  });

  it('may do so while it is not idle for long', async () => {
    const { clock, count } = await reused({ maxIdleMs: 60_000 });
    const counts = [];
    for (const pause of [0, 40_000, 40_000, 60_000]) {
      clock.spend(pause);
      counts.push(await count());
    }
    expect(counts).toEqual(['1', '2', '3', '1']);
  });

  it('is let go once it is idle for that long, without a further request, and a call makes another', async () => {
    const { runtime, clock } = await runtimeOfWholeTurns();
    const handle = await runtime.load(component, { store: 'per-actor', reuse: { maxIdleMs: 60_000 } });
    const count = async (): Promise<string> =>
      (await runtime.fetch(handle, new Request(URL_, { headers: { 'x-step': COUNT } }))).text();
    expect([await count(), await count()]).toEqual(['1', '2']);
    clock.advance(40_000);
    expect(await count()).toBe('3');
    clock.advance(40_000);
    expect(runtime.usage(handle).memoryBytes).toBeGreaterThan(0);
    clock.advance(20_000);
    expect(runtime.usage(handle).memoryBytes).toBe(0);
    expect(runtime.state(handle)).toBe('ready');
    const fuel = runtime.usage(handle).fuelConsumed;
    expect(await count()).toBe('1');
    expect(runtime.usage(handle).fuelConsumed).toBeGreaterThan(fuel);
  });

  it('is not let go while it answers', async () => {
    const { runtime, clock } = await runtimeOfWholeTurns();
    const handle = await runtime.load(component, {
      store: 'per-actor',
      reuse: { maxIdleMs: 1_000 },
      limits: { maxTurnTimeMs: 60_000 },
    });
    const fetching = (step: string, body?: ReadableStream) =>
      runtime.fetch(
        handle,
        new Request(URL_, {
          headers: { 'x-step': step },
          ...(body === undefined ? {} : { method: 'POST', body, duplex: 'half' }),
        } as RequestInit),
      );
    await (await fetching(COUNT)).text();
    const input = new TransformStream<Uint8Array, Uint8Array>();
    const response = await fetching(
      'const answer = api.begin(out); answer.write(api.read(request)); answer.end()',
      input.readable,
    );
    clock.advance(5_000);
    const writer = input.writable.getWriter();
    await writer.write(new TextEncoder().encode('late'));
    await writer.close();
    expect(await response.text()).toBe('late');
    expect(await (await fetching(COUNT)).text()).toBe('3');
    clock.advance(1_000);
    expect(await (await fetching(COUNT)).text()).toBe('1');
  });

  it.each([
    ['at its limit of memory', {}],
    ['at a small one', { limits: { maxMemoryBytes: 2 * 2 ** 20 } }],
    ['with limits of reuse that are far', { reuse: { maxRequests: 1_000_000 } }],
  ] satisfies [string, LoadOptions][])('leaks handles without failing a request, %s', async (_, options) => {
    const runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    const handle = await runtime.load(await leakingHandler(), { store: 'per-actor', ...options });
    for (let at = 0; at < 100; at++) {
      const response = await runtime.fetch(handle, new Request(URL_));
      expect([response.status, await response.text()]).toEqual([200, 'leaked']);
    }
    expect(runtime.state(handle)).toBe('ready');
  });

  it('is kept as long as it keeps less than half of what the host may keep for it', async () => {
    const runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    const handle = await runtime.load(component, { store: 'per-actor' });
    const counts = [];
    // The handler keeps the text of some fields, 60 KiB each.
    const step = `(globalThis.kept ??= []).push(api.Fields.fromList([['x', new Uint8Array(60 * 1024).fill(97)]])); ${COUNT}`;
    for (let at = 0; at < 140; at++) {
      const request = new Request(URL_, { headers: { 'x-step': step } });
      counts.push(Number(await (await runtime.fetch(handle, request)).text()));
    }
    const fresh = counts.indexOf(1, 1);
    expect(fresh * 60 * 1024).toBeGreaterThan(7 * 2 ** 20);
    expect(fresh * 60 * 1024).toBeLessThan(9 * 2 ** 20);
  });

  it('is no actor, and limits are checked', async () => {
    const runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    await expect(runtime.load(await actor(), { reuse: { maxRequests: 1 } })).rejects.toThrow(/no actors/);
    await expect(runtime.load(component, { reuse: { maxRequests: 0 } })).rejects.toThrow(/reuse\.maxRequests/);
  });
});
