// The server in front of components, over real connections, with answers that tests give.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientRequest, request as send } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, answeringAll, HttpServer, type HttpServerOptions, parseRoute, Routes } from '#server';
import { systemClock } from '#system';
import { TestClock } from '../../src/testing/clock.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const TLS = { cert: pem('one.crt'), key: pem('one.key') };

async function scene(answer: Answer, options: HttpServerOptions = {}) {
  const failed: unknown[] = [];
  const server = new HttpServer(answeringAll(answer), {
    port: 0,
    onError: (error) => void failed.push(error),
    ...options,
  });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const { port } = new URL(url);
  /** What comes back for bytes as they are, until the server closes. */
  const raw = async (bytes: string): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.on('error', () => {});
    socket.write(bytes);
    return text(socket);
  };
  return { server, url, port: Number(port), raw, failed };
}

const hello: Answer = async () => new Response('hello');
const head = (...lines: string[]): string => `${lines.join('\r\n')}\r\n\r\n`;

describe('the HTTP server', () => {
  it('passes on a request and its client, and gives back the answer', async () => {
    const { url } = await scene(async (request, client) => {
      const seen = [request.method, request.url, request.headers.get('x-a'), await request.text(), client];
      return new Response(JSON.stringify(seen), {
        status: 201,
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      });
    });
    const response = await fetch(`${url}/x/../y?z`, { method: 'POST', body: 'body', headers: { 'x-a': 'b' } });
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.json()).toEqual(['POST', `${url}/y?z`, 'b', 'body', '127.0.0.1']);
  });

  it('streams both ways', async () => {
    const { url } = await scene(async (request) => new Response(request.body));
    const sent = new TransformStream<Uint8Array, Uint8Array>();
    const writer = sent.writable.getWriter();
    const answer = fetch(url, { method: 'POST', body: sent.readable, duplex: 'half' } as RequestInit);
    await writer.write(Buffer.from('one'));
    const reader = ((await answer).body as ReadableStream<Uint8Array>).getReader();
    expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe('one');
    await writer.write(Buffer.from('two'));
    expect(Buffer.from((await reader.read()).value as Uint8Array).toString()).toBe('two');
    await writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  it.each<[string, string]>([
    ['both lengths', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Transfer-Encoding: chunked')],
    ['two lengths', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1', 'Content-Length: 2')],
    ['an obsolete folding', head('GET / HTTP/1.1', 'Host: a', 'X: a', ' b')],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a space before the colon', head('GET / HTTP/1.1', 'Host: a', 'Content-Length : 0')],
    ['an encoding that is unknown', head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: gzip, chunked, x')],
    ['no host', head('GET / HTTP/1.1')],
    ['a host with a path', head('GET / HTTP/1.1', 'Host: a/b')],
    ['a host with a user', head('GET / HTTP/1.1', 'Host: a@b')],
    ['a target of two slashes', head('GET //evil/x HTTP/1.1', 'Host: a')],
    ['an absolute target', head('GET http://evil/ HTTP/1.1', 'Host: a')],
    ['an asterisk', head('OPTIONS * HTTP/1.1', 'Host: a')],
    ['a tunnel', head('CONNECT a:80 HTTP/1.1', 'Host: a')],
    ['TRACE', head('TRACE / HTTP/1.1', 'Host: a')],
    ['no HTTP', '\0\0\0\0\r\n\r\n'],
    ['a head that is too large', head('GET / HTTP/1.1', 'Host: a', `X: ${'x'.repeat(20_000)}`)],
  ])('answers %s with an error, and asks no component', async (_, bytes) => {
    let asked = 0;
    const { raw } = await scene(async () => {
      asked += 1;
      return new Response();
    });
    expect(await raw(bytes)).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(asked).toBe(0);
  });

  it('sends the answer of who reads no more of a body, and goes on', async () => {
    const answer: Answer = async ({ body }) => {
      for await (const _ of body ?? []) break;
      return new Response('too long', { status: 413 });
    };
    for (const tls of [undefined, TLS]) {
      const { url, raw, failed } = await scene(answer, { tls });
      if (tls === undefined) {
        const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
        const chunked = head('POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + piece.repeat(4);
        const answer = await raw(chunked);
        expect(answer).toMatch(/^HTTP\/1\.1 413 /);
        expect(answer).toContain('\r\nConnection: close\r\n');
        expect(answer).toContain('too long');
      } else {
        const session = connectHttp2(url, { ca: TLS.cert, servername: 'localhost' });
        onTestFinished(() => session.destroy());
        const stream = session.request({ ':method': 'POST' });
        stream.write('x'.repeat(0x10000));
        expect(await text(stream)).toBe('too long');
      }
      expect(failed).toEqual([]);
    }
  });

  it.each([
    ['a head that does not come', 'GET / HTTP/1.1\r\nHost:', { headersTimeoutMs: 50 }],
    ['a body that does not come', head('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5'), { requestTimeoutMs: 50 }],
  ])('ends %s', async (_, bytes, options) => {
    const { raw } = await scene(async (request) => new Response(await request.text()), options);
    expect(await raw(bytes)).toMatch(/^(HTTP\/1\.1 (408|500) |$)/);
  });

  it('aborts a request whose client goes away, before the answer and within it', async () => {
    const ended: string[] = [];
    const begun = Promise.withResolvers<void>();
    const { port } = await scene(async ({ url, signal }) => {
      signal.addEventListener('abort', () => ended.push(new URL(url).pathname));
      if (url.endsWith('/before')) {
        begun.resolve();
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      }
      return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }));
    });
    const get = (path: string): ClientRequest => {
      const sent = send({ host: '127.0.0.1', port, path });
      sent.on('error', () => {});
      sent.end();
      return sent;
    };
    const before = get('/before');
    await begun.promise;
    before.destroy();
    await expect.poll(() => ended).toEqual(['/before']);
    const within = get('/within');
    const [response] = await once(within, 'response');
    await once(response, 'readable');
    within.destroy();
    await expect.poll(() => ended).toEqual(['/before', '/within']);
  });

  it.each([false, true])(
    'cancels a body whose client goes away while it has nothing to say (HTTP/2: %s)',
    async (secure) => {
      const cancelled = Promise.withResolvers<void>();
      const idle = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from('one')),
        cancel: () => cancelled.resolve(),
      });
      const { url } = await scene(async () => new Response(idle), secure ? { tls: TLS } : {});
      if (secure) {
        const session = connectHttp2(url, { rejectUnauthorized: false }).on('error', () => {});
        await once(session.request({ ':path': '/' }), 'data');
        session.destroy();
      } else {
        const asked = send(url).on('error', () => {});
        asked.end();
        const [response] = await once(asked, 'response');
        await once(
          response.on('error', () => {}),
          'data',
        );
        asked.destroy();
      }
      await cancelled.promise;
    },
  );

  it('cancels the body of an answer that comes after its client has gone away', async () => {
    const [asked, cancelled] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const answered = Promise.withResolvers<Response>();
    const { url } = await scene((request) => {
      request.signal.addEventListener('abort', () => {
        answered.resolve(new Response(new ReadableStream({ cancel: () => cancelled.resolve() })));
      });
      asked.resolve();
      return answered.promise;
    });
    const sent = send(url).on('error', () => {});
    sent.end();
    await asked.promise;
    sent.destroy();
    await cancelled.promise;
  });

  it('answers HTTP/1.0 without a host, as health checks send it, at its own address', async () => {
    const { port, raw } = await scene(async (request) => new Response(request.url));
    expect(await raw(head('GET /live HTTP/1.0'))).toMatch(
      new RegExp(`^HTTP/1.1 200 .*http://127\\.0\\.0\\.1:${port}/live$`, 's'),
    );
    expect(await raw(head('GET /live HTTP/1.1', 'Connection: close'))).toMatch(/^HTTP\/1.1 400 /);
  });

  it('resets a connection of HTTP/1.0 whose answer breaks off, since its end would be that of the answer', async () => {
    const fails = Promise.withResolvers<void>();
    const { port } = await scene(async () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from('one')),
        pull: () => fails.promise,
      });
      return new Response(body);
    });
    const socket = connect(port, '127.0.0.1');
    const error = once(socket, 'error');
    socket.write(head('GET / HTTP/1.0', 'Host: a'));
    let said = '';
    socket.on('data', (bytes) => {
      said += String(bytes);
    });
    await expect.poll(() => said).toContain('one');
    fails.reject(new Error('failed'));
    expect(await error).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  it.each([
    ['reads nothing of', async () => {}],
    ['reads a part of', async (request: Request) => void (await request.body?.getReader().read())],
  ])('ends a stream of HTTP/2 without an error when its answer is sent, which %s a long request', async (_, before) => {
    const { url } = await scene(
      async (request) => {
        await before(request);
        return new Response('answer');
      },
      { tls: TLS },
    );
    const session = connectHttp2(url, { rejectUnauthorized: false }).on('error', () => {});
    onTestFinished(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': '/' });
    stream.write(Buffer.alloc(1_000_000));
    expect(await text(stream)).toBe('answer');
    // More would be sent, if anybody wanted it.
    if (!stream.closed) await once(stream, 'close');
    expect(stream.rstCode).toBe(0);
  });

  it('does not break an answer of HTTP/2 off because nobody reads its request, and does for a client that sends too slowly', async () => {
    const clock = new TestClock();
    const ends = Promise.withResolvers<void>();
    const streamed = async (): Promise<Response> => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from('one')),
        pull: (controller) => ends.promise.then(() => controller.close()),
      });
      return new Response(body);
    };
    // Only the time of a request is that of the test.
    const after: TestClock['after'] = (ms, task) => (ms === 1_000 ? clock : systemClock).after(ms, task);
    const { url } = await scene(streamed, { tls: TLS, clock: { after }, requestTimeoutMs: 1_000 });
    const session = connectHttp2(url, { rejectUnauthorized: false }).on('error', () => {});
    onTestFinished(() => session.destroy());
    const ask = (bytes: number) => {
      const stream = session.request({ ':method': 'POST', ':path': '/' }).on('error', () => {});
      stream.write(Buffer.alloc(bytes));
      return stream;
    };
    const slow = ask(100);
    const closed = new Promise((resolve) => void slow.on('close', resolve));
    await new Promise((resolve) => void slow.once('data', resolve));
    clock.advance(1_000);
    await closed;
    expect(slow.rstCode).toBe(constants.NGHTTP2_INTERNAL_ERROR);
    const unread = ask(0);
    await once(unread, 'data');
    // The server answers a ping when it has read what came before it, and has told by the next one what more may be sent.
    const ping = (): Promise<unknown> => new Promise((resolve) => void session.ping(() => resolve('waits')));
    const sent = (): Promise<unknown> => new Promise((resolve) => void unread.write(Buffer.alloc(16_384), resolve));
    while ((await Promise.race([sent(), ping().then(ping).then(ping)])) !== 'waits');
    clock.advance(1_000);
    clock.advance(1_000);
    await setImmediate();
    expect(unread.closed).toBe(false);
    ends.resolve();
    await once(unread.resume(), 'end');
    await expect.poll(() => unread.closed).toBe(true);
    expect(unread.rstCode).toBe(0);
  });

  it('breaks an answer off whose component fails within it, and tells of a failure before it', async () => {
    const { url, failed } = await scene(async (request) => {
      if (request.url.endsWith('/early')) throw new Error('secret');
      let pulled = 0;
      return new Response(
        new ReadableStream({
          pull(controller) {
            if (pulled++ === 0) controller.enqueue(Buffer.from('some'));
            else controller.error(new Error('late'));
          },
        }),
      );
    });
    const early = await fetch(`${url}/early`);
    expect(early.status).toBe(500);
    expect(await early.text()).not.toContain('secret');
    const late = await fetch(`${url}/late`);
    await expect(late.text()).rejects.toThrow();
    expect(failed.map(String)).toEqual(['Error: secret', 'Error: late']);
  });

  it('answers what is open before it ends, and takes nothing more', async () => {
    const go = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { server, url, port } = await scene(async () => {
      begun.resolve();
      await go.promise;
      return new Response('late');
    });
    const open = fetch(url);
    await begun.promise;
    const drained = server.drain(60_000);
    const connecting = (): Promise<string | undefined> =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port }, () => {
          socket.destroy();
          resolve('accepted');
        });
        socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      });
    // Connections that wait to be accepted when the drain begins still are.
    await expect.poll(connecting).toBe('ECONNREFUSED');
    go.resolve();
    const response = await open;
    expect([await response.text(), response.headers.get('connection')]).toEqual(['late', 'close']);
    await drained;
  });

  it('cuts off what does not end, and says where it cannot listen', async () => {
    const clock = new TestClock();
    const asked = Promise.withResolvers<void>();
    const never: Answer = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const { server, url, port } = await scene(never, { clock });
    const open = expect(fetch(url)).rejects.toThrow();
    await asked.promise;
    await expect(new HttpServer(answeringAll(hello), { port }).listen()).rejects.toMatchObject({
      code: 'SERVER_CANNOT_LISTEN',
    });
    let isOver = false;
    const drained = server.drain(50).then(() => {
      isOver = true;
    });
    clock.advance(49);
    await setImmediate();
    expect(isOver).toBe(false);
    clock.advance(1);
    await drained;
    await open;
  });
});

const partsOf = (url: string) => {
  const { host, pathname } = new URL(url);
  return { host, pathname };
};

// The documentation advises an address of its own for probes, because Node accepts one connection of each server in a turn.
it('a new connection does not wait for those that another server of the process has not accepted yet', async () => {
  const flooded = await scene(hello);
  const quiet = await scene(hello);
  let answered = 0;
  const others = Array.from({ length: 100 }, async () => {
    await flooded.raw(head('GET / HTTP/1.1', 'Host: a', 'Connection: close'));
    answered += 1;
  });
  await quiet.raw(head('GET / HTTP/1.1', 'Host: a', 'Connection: close'));
  expect(answered).toBeLessThan(50);
  await Promise.all(others);
});

describe('routes', () => {
  it('are found by host first, then by the longest path, at its borders', () => {
    const routes = new Routes(
      ['/=root', '/shop=shop', '/shop/cart/=cart', 'a.example/=host', 'b.example:81/x=port'].map((text) => {
        const route = parseRoute(text);
        return { route, target: route.component };
      }),
    );
    const found = (url: string) => {
      const target = routes.find({ ...partsOf(url), method: 'GET' });
      return target !== undefined && 'target' in target ? target.target : undefined;
    };
    expect(found('http://h/')).toBe('root');
    expect(found('http://h/shop')).toBe('shop');
    expect(found('http://h/shop/')).toBe('shop');
    expect(found('http://h/shopping')).toBe('root');
    expect(found('http://h/shop/cart/1')).toBe('cart');
    expect(found('http://h/shop/../x')).toBe('root');
    expect(found('http://a.example:8080/shop')).toBe('host');
    expect(found('http://b.example:81/x')).toBe('port');
    expect(found('http://b.example/x')).toBe('root');
    expect(new Routes([]).find({ host: 'h', pathname: '/', method: 'GET' })).toBeUndefined();
  });

  it('of hosts with `*.` match one label more, and come after those of the host itself', () => {
    const routes = new Routes(
      ['/=all', '*.shop.example/=any', '*.shop.example:81/=port', 'a.shop.example/=one'].map((text) => {
        const route = parseRoute(text);
        return { route, target: route.component };
      }),
    );
    const found = (host: string) => routes.find({ host, pathname: '/x', method: 'GET' });
    const hosts = ['b.shop.example', 'b.shop.example.:80', 'b.shop.example:81', 'a.shop.example:8080'];
    expect(hosts.map(found).map((each) => each && 'target' in each && each.target)).toEqual([
      'any',
      'any',
      'port',
      'one',
    ]);
    for (const host of ['shop.example', '.shop.example', 'c.b.shop.example', 'bshop.example', 'shop'])
      expect(found(host)).toEqual({ target: 'all' });
  });

  it.each([
    '',
    '/',
    '/x',
    '*/=x',
    'a*.example/=x',
    '*.*.example/=x',
    'a.example./=x',
    'a~b.example/=x',
    'shop=shop.wasm',
    '/a/../b=x',
    '/a?b=x',
    '/x=',
    'a b/=x',
    'a@b/=x',
  ])('%j is none', (text) => {
    expect(() => parseRoute(text)).toThrow(/is no route/);
  });

  it('are unambiguous', () => {
    const twice = [parseRoute('/x=a'), parseRoute('/x/=b')].map((route) => ({ route, target: 0 }));
    expect(() => new Routes(twice)).toThrow(/routed twice/);
  });
});
