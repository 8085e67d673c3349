// HTTP/1.1 and HTTP/2 over TLS, with clients that keep to the protocol and clients that do not.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Agent, request as send } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, answeringAll, HttpServer, type HttpServerOptions } from '#server';
import { TestClock } from '../../src/testing/clock.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const ONE = { cert: pem('one.crt'), key: pem('one.key') };
const TWO = { cert: pem('two.crt'), key: pem('two.key') };

async function scene(answer: Answer, options: HttpServerOptions = {}) {
  const server = new HttpServer(answeringAll(answer), { port: 0, tls: ONE, ...options });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const port = Number(new URL(url).port);
  const session = (): ClientHttp2Session => {
    const made = connect(url, { rejectUnauthorized: false });
    made.on('error', () => {});
    onTestFinished(() => void made.destroy());
    return made;
  };
  /** A connection on which bytes are sent as they are, behind the preface of HTTP/2. */
  const raw = async (): Promise<TLSSocket> => {
    const socket = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    socket.write(frame(4, 0, 0));
    return socket;
  };
  return { server, url, port, session, raw };
}

const hello: Answer = () => new Response('hello');

async function ask(session: ClientHttp2Session, headers: Record<string, string> = {}, body?: string) {
  const stream = session.request({ ':path': '/', ...headers });
  stream.on('error', () => {});
  stream.end(body);
  const [head] = await once(stream, 'response');
  return { status: head[':status'] as number, headers: head as Record<string, string>, body: await text(stream) };
}

/** A frame of HTTP/2 (RFC 9113, section 4.1). */
function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const GOAWAY = 7;

/** The types of the frames that a server has sent. */
function frameTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) types.push(bytes.readUInt8(at + 3));
  return types;
}

describe('over TLS', () => {
  it('a HEAD request of HTTP/2 whose answer fails is answered', async () => {
    const { session } = await scene(() => new Response(null, { headers: { 'content-length': '3x' } }));
    expect((await ask(session(), { ':method': 'HEAD' })).status).toBe(500);
  });

  it('HTTP/2 is answered as HTTP/1.1 is', async () => {
    const { url, session } = await scene(
      async (request, client) =>
        new Response(JSON.stringify([request.method, request.url, await request.text(), client]), {
          status: 201,
          headers: [
            ['set-cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        }),
    );
    const answer = await ask(session(), { ':method': 'POST', ':path': '/x/../y?z' }, 'body');
    expect(answer.status).toBe(201);
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(JSON.parse(answer.body)).toEqual(['POST', `${url}/y?z`, 'body', '127.0.0.1']);
    const agent = new Agent({ rejectUnauthorized: false });
    const sent = send(`${url}/one`, { agent });
    sent.end();
    const [response] = await once(sent, 'response');
    expect(response.httpVersion).toBe('1.1');
    expect(JSON.parse(await text(response))).toEqual(['GET', `${url}/one`, '', '127.0.0.1']);
    agent.destroy();
  });

  it.each([
    ['a host with a user', { ':authority': 'a%40b' }],
    ['a target of two slashes', { ':path': '//evil/x' }],
    ['TRACE', { ':method': 'TRACE' }],
  ])('%s is refused', async (_, headers) => {
    const { session } = await scene(hello);
    expect(await ask(session(), headers)).toMatchObject({ status: 400 });
  });

  it('a stream is broken off visibly when its answer fails', async () => {
    const { session } = await scene(() => {
      let pulled = 0;
      const pull = (controller: ReadableStreamDefaultController): void => {
        if (pulled++ > 0) controller.error(new Error('late'));
        else controller.enqueue(Buffer.from('some'));
      };
      return new Response(new ReadableStream({ pull }));
    });
    const stream = session().request({ ':path': '/' });
    stream.resume();
    const [error] = await once(stream, 'error');
    expect(String(error)).toContain('NGHTTP2_INTERNAL_ERROR');
  });

  it('the certificate is renewed for new connections, and one that is none is refused', async () => {
    const { server, port } = await scene(hello);
    const subject = async (): Promise<unknown> => {
      const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      return CN;
    };
    expect(await subject()).toBe('one.test');
    server.renew(TWO);
    expect(await subject()).toBe('two.test');
    expect(() => server.renew({ cert: 'nonsense', key: 'nonsense' })).toThrow(/cannot be used/);
    expect(await subject()).toBe('two.test');
  });

  it('open streams are answered before the server ends', async () => {
    const go = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { server, session } = await scene(async () => {
      begun.resolve();
      await go.promise;
      return new Response('late');
    });
    const open = ask(session());
    await begun.promise;
    const drained = server.drain(60_000);
    go.resolve();
    expect(await open).toMatchObject({ status: 200, body: 'late' });
    await drained;
  });
});

describe('a client of HTTP/2 that', () => {
  /** Whether the server still answers others. */
  const answersOthers = async (session: () => ClientHttp2Session): Promise<void> => {
    expect(await ask(session())).toMatchObject({ status: 200, body: 'hello' });
  };

  it('resets its streams at once loses its connection', async () => {
    const { session } = await scene(hello);
    const hostile = session();
    await once(hostile, 'connect');
    const gone = once(hostile, 'goaway');
    for (let count = 0; count < 2_000 && !hostile.destroyed; count++) {
      const stream = hostile.request({ ':path': '/' });
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (count % 50 === 0) await new Promise(setImmediate);
    }
    expect((await gone)[0]).not.toBe(constants.NGHTTP2_NO_ERROR);
    await answersOthers(session);
  });

  it.each<[string, (socket: TLSSocket) => void]>([
    [
      'floods with settings',
      (socket) => socket.write(Buffer.concat(Array(1_000).fill(frame(4, 0, 0, Buffer.from('000300000064', 'hex'))))),
    ],
    ['floods with pings', (socket) => socket.write(Buffer.concat(Array(1_000).fill(frame(6, 0, 0, Buffer.alloc(8)))))],
    [
      'never ends its headers',
      (socket) => {
        // A literal header without indexing: a name and a value of one byte each.
        const header = Buffer.from('000161 0162'.replace(' ', ''), 'hex');
        if (!socket.writableNeedDrain) socket.write(frame(9, 0, 1, Buffer.concat(Array(1_000).fill(header))));
      },
    ],
    ['sends frames that are none', (socket) => socket.write(frame(1, 4, 1, Buffer.from('ffffffffffffff', 'hex')))],
    ['announces a huge frame', (socket) => socket.write(frame(0, 0, 1, Buffer.alloc(20_000)))],
  ])('%s loses its connection', async (name, attack) => {
    // The time for a first request must not be what ends it.
    const { session, raw } = await scene(hello, { headersTimeoutMs: 60_000 });
    const socket = await raw();
    socket.resume();
    // The server may end the connection while something is being written, which is an error of the socket.
    const closed = new Promise<void>((resolve) => void socket.on('close', () => resolve()));
    if (name === 'never ends its headers') socket.write(frame(1, 0, 1, Buffer.from('828684', 'hex')));
    while (!socket.destroyed) {
      if (socket.writable) attack(socket);
      await new Promise(setImmediate);
    }
    await closed;
    await answersOthers(session);
  });

  it.each([
    ['before the answer', false],
    ['within the answer', true],
  ])('sends its body without an end is ended by the time of a whole request, %s', async (_, begins) => {
    const clock = new TestClock();
    const asked = Promise.withResolvers<void>();
    const answer: Answer = async (request) => {
      asked.resolve();
      if (!begins) await request.text();
      return new Response(request.body);
    };
    const { session } = await scene(answer, { clock, requestTimeoutMs: 5_000 });
    const stream = session().request({ ':method': 'POST', ':path': '/' });
    const closed = new Promise<void>((resolve) => void stream.on('close', resolve));
    stream.on('error', () => {});
    stream.write('some');
    let status: unknown;
    stream.on('response', (head) => {
      status = head[':status'];
    });
    stream.resume();
    await asked.promise;
    if (begins) await expect.poll(() => status).toBe(200);
    clock.advance(4_999);
    await new Promise(setImmediate);
    expect(stream.closed).toBe(false);
    clock.advance(1);
    await closed;
    expect([status, stream.rstCode]).toEqual([begins ? 200 : undefined, constants.NGHTTP2_INTERNAL_ERROR]);
  });

  it('has sent all of a request is answered after the time of a whole request, whoever reads its body', async () => {
    const clock = new TestClock();
    const go = Promise.withResolvers<void>();
    let asked = 0;
    const answer: Answer = async (request) => {
      asked += 1;
      if (request.headers.has('x-read')) request.text().catch(() => {});
      await go.promise;
      return new Response();
    };
    const { session } = await scene(answer, { clock, requestTimeoutMs: 5_000 });
    const client = session();
    const requests = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'].flatMap((method) =>
      ['with its head', 'with its body', 'with no byte', 'with trailers', 'never'].flatMap((ends) =>
        [true, false].map((isRead) => ({ method, ends, isRead })),
      ),
    );
    const sent = requests.map(({ method, ends, isRead }) => {
      const headers = { ':path': '/', ':method': method, ...(isRead ? { 'x-read': '1' } : {}) };
      const trails = ends === 'with trailers';
      const stream = client.request(headers, { endStream: ends === 'with its head', waitForTrailers: trails });
      stream.on('error', () => {});
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-end': '1' }));
      if (ends === 'never') stream.write('some');
      else stream.end(ends === 'with no byte' ? '' : 'some');
      const closed = new Promise<void>((resolve) => void stream.on('close', resolve));
      return { method, ends, isRead, stream: stream.resume(), closed };
    });
    await expect.poll(() => asked).toBe(sent.length);
    const whole = sent.filter(({ ends }) => ends !== 'never');
    await expect.poll(() => whole.every(({ stream }) => stream.state.localClose === 1)).toBe(true);
    // The server answers a ping when it has read what came before it.
    await new Promise((resolve) => void client.ping(resolve));
    clock.advance(5_000);
    go.resolve();
    await Promise.all(sent.map(({ closed }) => closed));
    const { NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR } = constants;
    expect(sent.map(({ method, ends, isRead, stream }) => [method, ends, isRead, stream.rstCode])).toEqual(
      requests.map(({ method, ends, isRead }) => [
        method,
        ends,
        isRead,
        ends === 'never' ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_NO_ERROR,
      ]),
    );
  });

  it('sends too many headers is refused', async () => {
    const { session } = await scene(hello);
    const headers = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'y']));
    const stream = session().request({ ':path': '/', ...headers });
    stream.on('error', () => {});
    await new Promise<void>((resolve) => void stream.on('close', resolve));
    expect(stream.rstCode).not.toBe(constants.NGHTTP2_NO_ERROR);
    await answersOthers(session);
  });

  it.each([
    ['sends a further request slowly', frame(1, 0, 3, Buffer.from('828487', 'hex'))],
    ['sends nothing but pings', frame(6, 0, 0, Buffer.alloc(8))],
  ])('%s is told to go after the time of an idle connection, and is ended', async (_, bytes) => {
    const clock = new TestClock();
    const { raw } = await scene(hello, { clock, idleTimeoutMs: 60_000, headersTimeoutMs: 10_000 });
    const socket = await raw();
    let received = Buffer.alloc(0);
    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
    });
    const closed = once(socket, 'close');
    // GET / from the host "a", whose frame ends the head and the request.
    socket.write(frame(1, 5, 1, Buffer.from('828487410161', 'hex')));
    await expect.poll(() => received.includes('hello')).toBe(true);
    socket.write(bytes);
    await expect.poll(() => clock.nextTimer).toBe(60_000);
    clock.advance(60_000);
    await expect.poll(() => frameTypes(received).at(-1)).toBe(GOAWAY);
    clock.advance(10_000);
    await closed;
  });

  it('asks again before its idle time is over stays connected', async () => {
    const clock = new TestClock();
    const { session } = await scene(hello, { clock, idleTimeoutMs: 60_000 });
    const client = session();
    for (let count = 0; count < 3; count += 1) {
      expect(await ask(client)).toMatchObject({ status: 200 });
      await expect.poll(() => clock.nextTimer).toBe(clock.monotonic() + 60_000);
      clock.advance(59_999);
    }
    expect(client.closed).toBe(false);
  });

  it('never asks anything loses its connection', async () => {
    const { port } = await scene(hello, { headersTimeoutMs: 50 });
    const socket = connectTls({ port, host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false });
    // On a slow machine the handshake itself may take longer than that, which is an error of the socket.
    socket.on('error', () => {});
    socket.resume();
    await new Promise<void>((resolve) => void socket.on('close', () => resolve()));
  });

  it('speaks no TLS or begins no handshake loses its connection', async () => {
    const { port, session } = await scene(hello, { headersTimeoutMs: 2_000 });
    const { connect: connectTcp } = await import('node:net');
    for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', '']) {
      const socket = connectTcp({ port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.write(bytes);
      socket.resume();
      await new Promise<void>((resolve) => void socket.on('close', () => resolve()));
    }
    await answersOthers(session);
  });
});
