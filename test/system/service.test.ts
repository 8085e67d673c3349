import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from 'vivarium';

const SERVICE = readFileSync('test/toolchains/components/rust-service.wasm');
const MIDDLEWARE = readFileSync('test/toolchains/components/rust-middleware.wasm');

/** An origin that says what it was sent. */
function origin(): Server {
  return createServer((request, response) => {
    if (request.url === '/never') return;
    if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('abc', () => request.socket.destroy());
      return;
    }
    let length = 0;
    request.on('data', (piece: Buffer) => {
      length += piece.length;
    });
    request.on('end', () => {
      response.writeHead(201, { 'x-origin': 'yes', trailer: 'x-sum' });
      response.write(
        `${request.method} ${request.url} ${request.headers['x-from']} ${length} ${request.trailers['x-after']}`,
      );
      response.addTrailers({ 'x-sum': '1' });
      response.end();
    });
  });
}

describe('components of wasi:http/service@0.3', () => {
  let runtime: Runtime;
  let server: Server;
  let url: string;
  beforeAll(async () => {
    runtime = await createRuntime({ limits: { maxExecutionTimeMs: 20_000 } });
    server = origin().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    await runtime.close();
    server.closeAllConnections();
    server.close();
  });

  const load = (options: LoadOptions = {}): Promise<ComponentHandle> =>
    runtime.load(SERVICE, { grants: [`network:connect:${url}`], ...options });
  const fetch = (to: ComponentHandle, path: string, init?: RequestInit): Promise<Response> =>
    runtime.fetch(to, new Request(`http://test.example${path}`, init));
  const post = (body: BodyInit): RequestInit => ({ method: 'POST', body });

  it.each(['per-call', 'per-actor'] as const)('answer requests, with a store %s', async (store) => {
    const service = await load({ store });
    const hello = await fetch(service, '/hello');
    expect([hello.status, hello.headers.get('content-type'), await hello.text()]).toEqual([200, 'text/plain', 'hello']);
    const about = await fetch(service, '/about?x=1', { method: 'PROPFIND', headers: { 'user-agent': 'me' } });
    expect(await about.text()).toBe('Method::Other("PROPFIND") Some(Scheme::Http) Some("test.example") /about?x=1 me');
    expect((await fetch(service, '/teapot')).status).toBe(418);
    expect(await (await fetch(service, '/late')).text()).toBe('first last');
    expect(runtime.usage(service).calls).toBe('direct');
    await expect.poll(() => runtime.state(service)).toBe('ready');
  });

  it('stream bodies both ways, through their memory and past it', async () => {
    const service = await load();
    const body = 'abcde'.repeat(100_000);
    expect(await (await fetch(service, '/echo', post(body))).text()).toBe(body);
    expect(await (await fetch(service, '/upper', post(body))).text()).toBe(body.toUpperCase());
    expect(await (await fetch(service, '/count', post(body))).text()).toBe('500000');
    expect(await (await fetch(service, '/count')).text()).toBe('0');
  });

  it('echo a body while it comes', async () => {
    const service = await load();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: readable, duplex: 'half' };
    const answering = fetch(service, '/echo', init);
    const reader = (await answering).body?.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    for (const piece of ['one', 'two']) {
      const read = reader.read();
      await writer.write(Buffer.from(piece));
      expect(Buffer.from((await read).value ?? []).toString()).toBe(piece);
    }
    await writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  it('send requests of their own within grants, with bodies and trailers both ways', async () => {
    const service = await load();
    const forwarded = await fetch(service, `/fetch?to=${url}/there`, post('x'.repeat(70_000)));
    expect([forwarded.status, forwarded.headers.get('x-origin')]).toEqual([201, 'yes']);
    expect(await forwarded.text()).toBe('POST /there service 70000 body');
    expect(await (await fetch(service, `/fetch-length?to=${url}/there`)).text()).toBe('30 true');
    await expect(fetch(service, '/fetch?to=http://127.0.0.1:1/')).rejects.toMatchObject({
      payload: { tag: 'HTTP-request-denied' },
    });
    await expect(fetch(service, '/fetch?to=nowhere')).rejects.toMatchObject({
      payload: { tag: 'HTTP-request-URI-invalid' },
    });
    await expect(fetch(service, `/fetch-length?to=${url}/cut`)).rejects.toMatchObject({
      payload: { tag: 'connection-terminated' },
    });
  });

  it('check and bound fields', async () => {
    expect(await (await fetch(await load(), '/fields')).text()).toBe(
      'Ok(2) Err(HeaderError::SizeExceeded) Err(HeaderError::Forbidden) Err(HeaderError::Immutable)',
    );
  });

  it.each([
    ['answers an error', '/error', {}, { payload: { tag: 'internal-error', val: 'no' } }],
    ['never answers', '/slow', { maxTurnTimeMs: 50 }, { code: 'RUNTIME_TURN_TIMEOUT' }],
    ['waits for nothing', '/never', {}, { code: 'RUNTIME_TRAP' }],
  ])('fail the request when their handler %s', async (_, path, limits, failure) => {
    await expect(fetch(await load({ limits }), path)).rejects.toMatchObject(failure);
  });

  it.each([
    ['writes less than it promised', '/short', {}, { payload: { tag: 'HTTP-response-body-size', val: 3n } }],
    ['writes more than it promised', '/long', {}, { payload: { tag: 'HTTP-response-body-size', val: 3n } }],
    ['fails by its trailers', '/failing', {}, { payload: { tag: 'internal-error', val: 'half way' } }],
    [
      'has no end, because the trailers never come',
      '/forgotten',
      { maxTurnTimeMs: 50 },
      { code: 'RUNTIME_TURN_TIMEOUT' },
    ],
    ['ends by a trap', '/trap', {}, { code: 'RUNTIME_TRAP' }],
    ['ends without fuel', '/spin', { maxFuel: 5_000_000n }, { code: 'METERING_OUT_OF_FUEL' }],
  ])('break the body off that %s', async (_, path, limits, failure) => {
    // The head may be out before the body fails.
    const whole = async (): Promise<string> => (await fetch(await load({ limits }), path)).text();
    await expect(whole()).rejects.toMatchObject(failure);
  });

  it('are ended when the client leaves an endless body', async () => {
    const service = await load();
    const reader = (await fetch(service, '/endless')).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await expect.poll(() => runtime.components().find(({ handle }) => handle === service)?.requests).toBe(0);
    expect(await (await fetch(service, '/hello')).text()).toBe('hello');
  });

  it('learn that the client has left, in a store that goes on', async () => {
    const service = await load({ store: 'per-actor' });
    const reader = (await fetch(service, '/endless')).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    // The guest's writes end, and with them its task.
    expect(await (await fetch(service, '/hello')).text()).toBe('hello');
    await expect.poll(() => runtime.state(service)).toBe('ready');
  });

  it.each(['/slow', '/fetch?to=URL/never'])('are given up with %s, at any time before they answer', async (path) => {
    const service = await load();
    const leaving = new AbortController();
    const answer = fetch(service, path.replace('URL', url), { signal: leaving.signal });
    await expect.poll(() => runtime.components().find(({ handle }) => handle === service)?.requests).toBe(1);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
    await expect.poll(() => runtime.components().find(({ handle }) => handle === service)?.requests).toBe(0);
  });

  it('are middleware, which pass requests on to the next handler', async () => {
    const service = await load();
    const middleware = await runtime.load(MIDDLEWARE, { next: (request) => runtime.fetch(service, request) });
    const hello = await fetch(middleware, '/hello');
    expect([hello.status, hello.headers.get('x-middleware'), await hello.text()]).toEqual([200, 'passed', 'hello']);
    const body = 'abcde'.repeat(50_000);
    expect(await (await fetch(middleware, '/upper', post(body))).text()).toBe(body.toUpperCase());
    expect((await fetch(middleware, '/teapot')).status).toBe(418);
    await expect(fetch(middleware, '/refused')).rejects.toMatchObject({ payload: { tag: 'HTTP-request-denied' } });
    await expect(fetch(middleware, '/error')).rejects.toMatchObject({ payload: { tag: 'internal-error' } });
    await expect(async () => (await fetch(middleware, '/failing')).text()).rejects.toThrow();
    const twice = await runtime.load(MIDDLEWARE, { next: (request) => runtime.fetch(middleware, request) });
    expect((await fetch(twice, '/hello')).headers.get('x-middleware')).toBe('passed, passed');
  });

  it.each<[string, () => Response | Promise<Response>]>([
    [
      'is being read by somebody else',
      () => {
        const answer = new Response('x');
        answer.body?.getReader();
        return answer;
      },
    ],
    [
      'was read before',
      async () => {
        const answer = new Response('x');
        await answer.text();
        return answer;
      },
    ],
    ['is none', () => ({ status: 200, url: '', headers: new Headers(), body: {} }) as Response],
  ])('are told where the body of the next handler’s answer %s, which ends nobody else', async (_, next) => {
    const middleware = await runtime.load(MIDDLEWARE, { next });
    const answer = fetch(middleware, '/hello').then((response) => response.text());
    await expect(answer).rejects.toThrow('the component did not finish the body of its answer');
  });

  it('are middleware, which is answered 503 where the next handler has no room or is gone', async () => {
    const held = Promise.withResolvers<Response>();
    const one = { maxConcurrent: 1, maxQueued: 0 };
    const busy = await runtime.load(MIDDLEWARE, { next: () => held.promise, requests: one });
    const middleware = await runtime.load(MIDDLEWARE, { next: (request) => runtime.fetch(busy, request) });
    const first = fetch(middleware, '/');
    await expect.poll(() => runtime.components().find(({ handle }) => handle === busy)?.requests).toBe(1);
    const said = async (answer: Response) => [
      answer.status,
      answer.headers.get('retry-after'),
      answer.headers.get('x-middleware'),
      await answer.json(),
    ];
    const unavailable = { type: 'about:blank', title: 'Service Unavailable', status: 503 };
    // A body that nobody reads keeps neither of them.
    for (const request of [undefined, post('x'.repeat(1_000_000))]) {
      const refused = await fetch(middleware, '/', request);
      expect(await said(refused)).toEqual([503, '1', 'passed', { ...unavailable, code: 'MESSAGING_QUEUE_FULL' }]);
    }
    held.resolve(new Response('held'));
    expect(await (await first).text()).toBe('held');
    await runtime.unload(busy, { drain: true });
    const gone = await fetch(middleware, '/');
    expect(await said(gone)).toEqual([503, '1', 'passed', { ...unavailable, code: 'RUNTIME_NOT_FOUND' }]);
    await expect.poll(() => runtime.components().find(({ handle }) => handle === middleware)?.requests).toBe(0);
  });

  it('are refused as middleware without a next handler', async () => {
    await expect(runtime.load(MIDDLEWARE)).rejects.toMatchObject({ code: 'RUNTIME_MISSING_IMPORT' });
  });
});
