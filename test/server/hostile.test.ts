// A component behind the server, between clients that are hostile and guests that are: real connections, a real component.
import { once } from 'node:events';
import { Agent, type IncomingMessage, request as send } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { HttpServer, type HttpServerOptions } from '#server';
import { createRuntime, type LoadOptions, serveExchange } from '#system';
import { TestClock } from '../../src/testing/clock.ts';
import { wasiGuest } from '../support/wasi-guest.ts';

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest('handler');
});

async function scene(options: HttpServerOptions = {}, load: LoadOptions = {}) {
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const handle = await runtime.load(component, { id: 'demo/handler/1', ...load });
  const failed: unknown[] = [];
  const server = new HttpServer(
    () => ({ component: 'handler', serve: (exchange) => serveExchange(runtime, handle, exchange) }),
    {
      port: 0,
      onError: (error) => void failed.push(error),
      ...options,
    },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const port = Number(new URL(url).port);
  const ask = (step?: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (step !== undefined) headers.set('x-step', step.replaceAll('\n', ' '));
    return fetch(`${url}/a`, { ...init, headers });
  };
  const open = (): Socket => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const raw = (bytes: string): Promise<string> => {
    const socket = open();
    socket.write(bytes);
    let answer = '';
    socket.on('data', (piece) => {
      answer += String(piece);
    });
    return new Promise((resolve) => void socket.on('close', () => resolve(answer)));
  };
  /** How many requests the component has. */
  const requests = (): number => runtime.components()[0]?.requests ?? 0;
  const stillAnswers = async (): Promise<void> => {
    await expect.poll(requests).toBe(0);
    expect(await (await ask()).text()).toBe('hello');
  };
  /** For a short time-out, which may end the client's own request on a slow machine, too. */
  const stillAnswersInTime = async (): Promise<void> => {
    await expect.poll(requests).toBe(0);
    const answer = (): Promise<string> =>
      ask()
        .then((response) => response.text())
        .catch(String);
    await expect.poll(answer).toBe('hello');
  };
  return { runtime, handle, server, port, ask, open, raw, requests, failed, stillAnswers, stillAnswersInTime };
}

const post = (...lines: string[]): string => `${['POST / HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;
const READ = 'api.answer(out, String(api.read(request).length))';
const STREAM = 'const answer = api.begin(out); const some = new Uint8Array(65536); for (;;) answer.write(some)';

describe('requests that two readers could understand differently', () => {
  const CHUNKED = `Transfer-Encoding: chunked\r\nX-Step: ${READ}\r\nConnection: close`;

  it.each([
    ['a chunk that is longer than it says', '3\r\nabcd\r\n0\r\n\r\n'],
    ['a chunk that is shorter than it says', '3\r\nab\r\n0\r\n\r\n'],
    ['a negative size', '-1\r\na\r\n0\r\n\r\n'],
    ['a size with a prefix', '0x1\r\na\r\n0\r\n\r\n'],
    ['a size with a sign', '+1\r\na\r\n0\r\n\r\n'],
    ['a size that overflows', '10000000000000001\r\na\r\n0\r\n\r\n'],
    ['a bare line feed behind a size', '1\na\r\n0\r\n\r\n'],
    ['a bare line feed behind a chunk', '1\r\na\n0\r\n\r\n'],
    ['a bare line feed in an extension', '1;a\nb\r\na\r\n0\r\n\r\n'],
    ['an endless extension', `1;${'a'.repeat(100_000)}\r\na\r\n0\r\n\r\n`],
    ['no size', '\r\na\r\n0\r\n\r\n'],
  ])('are refused: %s', async (_, chunks) => {
    const { raw, stillAnswers } = await scene();
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
    const answer = await raw(post(CHUNKED) + chunks + smuggled);
    expect(answer.match(/HTTP\/1\.1 200 /g) ?? []).toEqual([]);
    await stillAnswers();
  });

  it('are answered one by one where they are clear, a chunk extension included', async () => {
    const { raw } = await scene();
    const first = `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX-Step: ${READ}\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n`;
    const answer = await raw(`${first}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
  });
});

describe('a client that', () => {
  it('does not read its answer loses its connection, and the turn ends', async () => {
    const { open, requests, stillAnswersInTime } = await scene({ idleTimeoutMs: 100 });
    const socket = open();
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX-Step: ${STREAM}\r\n\r\n`);
    await expect.poll(requests).toBe(1);
    await stillAnswersInTime();
  });

  it('sends its body byte by byte is ended by the time of a whole request', async () => {
    const { open, stillAnswersInTime } = await scene({ requestTimeoutMs: 100, headersTimeoutMs: 100 });
    const socket = open();
    socket.write(post('Content-Length: 100000', `X-Step: ${READ}`));
    const drip = setInterval(() => socket.write('x'), 20);
    socket.resume();
    // The server may end the connection while a byte is being written, which is an error of the socket.
    socket.on('error', () => {});
    await new Promise<void>((resolve) => void socket.on('close', () => resolve()));
    clearInterval(drip);
    await stillAnswersInTime();
  });

  it('sends a body for longer than the time of a request may go on as long as it moves', async () => {
    const clock = new TestClock();
    const { open, raw, stillAnswers } = await scene({ requestTimeoutMs: 10_000, clock });
    const socket = open();
    let answer = '';
    socket.on('data', (piece) => {
      answer += String(piece);
    });
    socket.write(post('Content-Length: 50000', 'Connection: close', `X-Step: ${READ}`));
    for (let period = 0; period < 5; period += 1) {
      await expect.poll(() => clock.waiting).toBe(1);
      await new Promise<void>((resolve) => void socket.write('x'.repeat(10_000), () => resolve()));
      await expect.poll(() => socket.bytesWritten - socket.writableLength).toBeGreaterThan(10_000 * (period + 1));
      // What was sent before them is read when other connections have been answered.
      for (let round = 0; round < 3; round += 1) expect(await raw('GET / HTTP/1.1\r\n\r\n')).toMatch(/ 400 /);
      if (period < 4) clock.advance(10_000);
    }
    await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 200 /);
    const slow = open();
    slow.write(post('Content-Length: 50000', `X-Step: ${READ}`));
    let told = '';
    slow.on('data', (piece) => {
      told += String(piece);
    });
    await expect.poll(() => clock.waiting).toBeGreaterThan(0);
    clock.advance(10_000);
    await expect.poll(() => told).toMatch(/^HTTP\/1\.1 408 /);
    slow.destroy();
    await stillAnswers();
  });

  it('sends more than a body may have is answered 413, whether it says so before or not', async () => {
    const { raw, ask, stillAnswers } = await scene({ maxBodyBytes: 1_000 });
    expect(await raw(post('Content-Length: 1001'))).toMatch(/^HTTP\/1\.1 413 /);
    const piece = 'x'.repeat(600);
    const body = `258\r\n${piece}\r\n258\r\n${piece}\r\n0\r\n\r\n`;
    const chunked = post('Connection: close', 'Transfer-Encoding: chunked', `X-Step: ${READ}`);
    expect(await raw(chunked + body)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await (await ask(READ, { method: 'POST', body: 'x'.repeat(1_000) })).text()).toBe('1000');
    await stillAnswers();
  });

  it('leaves at any point leaves nothing behind', async () => {
    const { open, requests, stillAnswers } = await scene();
    const head = post(
      'Content-Length: 10',
      `X-Step: const answer = api.begin(out); answer.write(api.read(request)); answer.end()`,
    );
    const whole = `${head}0123456789`;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), fc.boolean(), async (sent, reset) => {
        const socket = open();
        await once(socket, 'connect');
        await new Promise((resolve) => socket.write(whole.slice(0, sent), resolve));
        if (sent === whole.length) await once(socket, 'data');
        if (reset) socket.resetAndDestroy();
        else socket.destroy();
        await once(socket, 'close');
      }),
      { numRuns: 40 },
    );
    await expect.poll(requests).toBe(0);
    await stillAnswers();
  });

  it('leaves while its request waits leaves its place', async () => {
    const { open, requests, stillAnswers } = await scene({}, { requests: { maxConcurrent: 1, maxQueued: 5 } });
    const slow = 'request.consume().stream().subscribe().block(); api.answer(out, "late")';
    const sockets = Array.from({ length: 4 }, () => {
      const socket = open();
      socket.write(post('Content-Length: 5', `X-Step: ${slow}`));
      return socket;
    });
    await expect.poll(requests).toBe(4);
    sockets[2]?.destroy();
    await expect.poll(requests).toBe(3);
    for (const socket of sockets) socket.destroy();
    await stillAnswers();
  });
});

describe('a guest that', () => {
  it.each([
    ['never answers', '0', 502],
    ['traps', 'throw new Error("secret")', 502],
    [
      'answers with an error',
      "api.ResponseOutparam.set(out, { tag: 'err', val: { tag: 'internal-error', val: 'secret' } })",
      502,
    ],
    ['says two lengths', "api.answer(out, 'abc', 200, [['content-length', '3'], ['content-length', '4']])", 502],
    ['says a length that is no number', "api.answer(out, 'abc', 200, [['content-length', '3x']])", 502],
    ['computes for ever', 'for (;;) {}', 504],
  ])('%s gives its client an error without its text', async (_, step, status) => {
    const { ask, stillAnswers } = await scene({}, { limits: { maxExecutionTimeMs: status === 504 ? 300 : 60_000 } });
    const response = await ask(step);
    expect(response.status).toBe(status);
    expect(await response.text()).not.toContain('secret');
    await stillAnswers();
  });

  it.each([
    ['answers twice', "api.answer(out, 'first'); api.answer(out, 'second')"],
    ['stops within its body', "const answer = api.begin(out); answer.write('some')"],
    ['traps within its body', "const answer = api.begin(out); answer.write('some'); throw new Error('oops')"],
    ['writes less than it says', "api.answer(out, 'ab', 200, [['content-length', '3']])"],
    ['writes more than it says', "api.answer(out, 'abcd', 200, [['content-length', '3']])"],
  ])('%s gives no answer that looks whole and wrong', async (_, step) => {
    const { ask, stillAnswers } = await scene();
    const told = await ask(step)
      .then(
        async (response) => (response.status === 200 ? response.text() : 'refused'),
        () => 'broken off',
      )
      .catch(() => 'broken off');
    expect(['refused', 'broken off', 'first']).toContain(told);
    await stillAnswers();
  });

  it('sets headers of the connection is refused, and headers cannot end early', async () => {
    const { ask } = await scene();
    for (const name of ['connection', 'transfer-encoding', 'upgrade', 'keep-alive', 'host']) {
      const step = `let told; try { api.Fields.fromList([['${name}', api.bytes('x')]]) } catch (error) { told = error.payload?.tag } api.answer(out, told)`;
      expect(await (await ask(step)).text()).toBe('forbidden');
    }
    const split = `let told; try { api.Fields.fromList([['x-a', api.bytes('b\\r\\nset-cookie: evil=1')]]) } catch (error) { told = error.payload?.tag } api.answer(out, told)`;
    const response = await ask(split);
    expect([await response.text(), response.headers.get('set-cookie')]).toEqual(['invalid-syntax', null]);
  });

  it('keeps handles of a body finds them closed after the request', async () => {
    const { ask } = await scene({}, { store: 'per-actor' });
    const keep = 'api.kept.body = request.consume(); api.kept.stream = api.kept.body.stream(); api.answer(out, "ok")';
    await (await ask(keep, { method: 'POST', body: 'unread' })).text();
    const use =
      'let told; try { told = api.kept.stream.blockingRead(10).length } catch (error) { told = error.payload.tag } api.answer(out, String(told))';
    expect(await (await ask(use)).text()).toBe('closed');
  });

  it('streams for ever is ended with its client, and holds no more than its pipe', async () => {
    const { ask, requests, stillAnswers } = await scene();
    const response = await ask(STREAM);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let read = 0; read < 4 * 2 ** 20; ) read += (await reader.read()).value?.length ?? 0;
    expect(requests()).toBe(1);
    await reader.cancel();
    await stillAnswers();
  });

  it('leaves its body unread costs its client the connection, not an answer', async () => {
    const { port, stillAnswers } = await scene();
    const sent = send({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': 2 ** 20 } });
    sent.on('error', () => {});
    sent.write('x');
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(await text(response)).toBe('hello');
    sent.destroy();
    await stillAnswers();
  });
});

describe('trailers', () => {
  it('reach a component, and those of a component its client, without fields that belong to headers', async () => {
    const { port, failed } = await scene();
    const step = `const body = request.consume(), stream = body.stream();
      try { for (;;) stream.blockingRead(65536); } catch (error) { if (error.payload?.tag !== 'closed') throw error; }
      stream[Symbol.dispose]();
      const future = api.IncomingBody.finish(body); future.subscribe().block();
      const got = future.get().val.val;
      const seen = got === undefined ? [] : got.entries().map(([name, value]) => name + '=' + api.text(value));
      const response = new api.OutgoingResponse(new api.Fields()), out2 = response.body();
      api.ResponseOutparam.set(out, { tag: 'ok', val: response });
      const sink = out2.write(); sink.blockingWriteAndFlush(api.bytes(seen.join())); sink[Symbol.dispose]();
      api.OutgoingBody.finish(out2, api.Fields.fromList([['x-sum', api.bytes('7')], ['set-cookie', api.bytes('evil=1')]]))`;
    const agent = new Agent();
    const sent = send({
      port,
      agent,
      method: 'POST',
      headers: { 'x-step': step.replaceAll('\n', ' '), trailer: 'x-check', 'transfer-encoding': 'chunked' },
    });
    sent.addTrailers({ 'x-check': 'sum', authorization: 'evil', host: 'evil' });
    sent.end('body');
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect([response.statusCode, await text(response), failed.map(String)]).toEqual([200, 'x-check=sum', []]);
    expect(response.trailers).toEqual({ 'x-sum': '7' });
    agent.destroy();
  });
});

it('a server that drains under load answers what has begun and refuses no request that it took', async () => {
  const { server, port } = await scene({}, { requests: { maxConcurrent: 4, maxQueued: 1_000 } });
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  onTestFinished(() => agent.destroy());
  const outcomes = { whole: 0, refused: 0, wrong: 0 };
  const one = (): Promise<boolean> =>
    new Promise((resolve) => {
      const sent = send({ port, host: '127.0.0.1', agent }, async (response) => {
        const body = await text(response).catch(() => 'cut');
        if (response.statusCode === 200 && body === 'hello') outcomes.whole += 1;
        else outcomes.wrong += 1;
        resolve(true);
      });
      // A connection that is refused or closed before an answer has begun can be tried again elsewhere.
      sent.on('error', () => {
        outcomes.refused += 1;
        resolve(false);
      });
      sent.end();
    });
  const clients = Array.from({ length: 20 }, async () => {
    while (await one());
  });
  await expect.poll(() => outcomes.whole).toBeGreaterThan(10);
  await server.drain(30_000);
  await Promise.all(clients);
  expect(outcomes.wrong).toBe(0);
});
