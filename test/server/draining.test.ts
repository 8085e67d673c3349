// A server that drains, or ends what is idle, loses no request that a client has sent on an open connection.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answeringAll, HttpServer, type HttpServerOptions } from '#server';
import { TestClock } from '../../src/testing/clock.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const TLS = { cert: pem('one.crt'), key: pem('one.key') };

/** A server that answers `/wait` when it is let, `/stream` with a head at once and a body when it is let, and all else at once. */
async function scene(options: HttpServerOptions = {}) {
  const go = Promise.withResolvers<void>();
  const answer = async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url);
    if (pathname === '/wait') await go.promise;
    if (pathname !== '/stream') return new Response(await request.text().then((body) => `${pathname}${body}`));
    const body = new ReadableStream({
      async start(controller) {
        await go.promise;
        controller.enqueue(Buffer.from(pathname));
        controller.close();
      },
    });
    return new Response(body);
  };
  const clock = new TestClock();
  const server = new HttpServer(answeringAll(answer), { port: 0, clock, ...options });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  return { server, url, port: Number(new URL(url).port), clock, go: go.resolve };
}

/** A client's connection of HTTP/1.1, on which it writes what it likes. */
class Connection {
  readonly #socket: Socket;
  #received = '';
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      this.#received += String(bytes);
    });
    this.closed = new Promise((resolve) => void socket.on('close', resolve));
    onTestFinished(() => void socket.destroy());
  }

  static async open(port: number, secure = false): Promise<Connection> {
    const socket = secure
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : connect(port, '127.0.0.1');
    await once(socket, secure ? 'secureConnect' : 'connect');
    return new Connection(socket);
  }

  /** Has the bytes in the kernel when it returns: libuv writes at once where it can. */
  write(bytes: string): void {
    this.#socket.write(bytes);
  }

  /** How many bodies have come: each is a path. */
  get answers(): number {
    return this.#received.match(/\r\n\/\w/g)?.length ?? 0;
  }

  get heads(): number {
    return this.#received.match(/HTTP\/1\.1 200/g)?.length ?? 0;
  }

  /** Whether the last answer said that the connection closes. */
  get saysClose(): boolean {
    return /connection: close\r\n(?![\s\S]*HTTP\/1\.1)/i.test(this.#received);
  }
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** The server's end of the connection that sends the next request. */
async function nextServerSocket(): Promise<Socket> {
  return new Promise((resolve) => {
    const seen = (message: unknown): void => {
      unsubscribe('http.server.request.start', seen);
      resolve((message as { readonly socket: Socket }).socket);
    };
    subscribe('http.server.request.start', seen);
  });
}

describe('a connection of HTTP/1.1', () => {
  it.each([false, true])(
    'whose idle time ended before its next request was read is answered (TLS: %s)',
    async (secure) => {
      const { port } = await scene(secure ? { tls: TLS } : {});
      const serverSocket = nextServerSocket();
      const client = await Connection.open(port, secure);
      client.write(get('/one'));
      const socket = await serverSocket;
      await expect.poll(() => client.answers).toBe(1);
      client.write(get('/two'));
      // This is what happens when the thread was busy: the timer runs before the request is read.
      socket.emit('timeout');
      await expect.poll(() => client.answers).toBe(2);
    },
  );

  it('that is idle for its time is closed', async () => {
    const { port } = await scene();
    const serverSocket = nextServerSocket();
    const client = await Connection.open(port);
    client.write(get('/one'));
    const socket = await serverSocket;
    await expect.poll(() => client.answers).toBe(1);
    socket.emit('timeout');
    await client.closed;
  });

  it('that a client has used lasts as long as the server says', async () => {
    const { port } = await scene({ idleTimeoutMs: 90_000 });
    const socket = connect(port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(get('/one'));
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(String(head).toLowerCase()).toContain('keep-alive: timeout=90');
  });
});

/** What a client has done on its connection when the server begins to drain, and what it does then. */
const SITUATIONS = {
  /** Has asked nothing yet, and asks now. */
  fresh: { before: '', later: get('/late'), answers: 1 },
  /** Was answered, and its next request is on its way. */
  sent: { before: get('/one'), sent: get('/two'), answers: 2 },
  /** Its first request is on its way. */
  'sent first': { before: '', sent: get('/two'), answers: 1 },
  /** Was answered, and sends another while the server drains. */
  idle: { before: get('/one'), later: get('/late'), answers: 2 },
  /** Has sent a part of a request. */
  half: { before: '', sent: get('/half').slice(0, 20), later: get('/half').slice(20), answers: 1 },
  /** Has sent a head, whose body follows. */
  body: {
    before: '',
    sent: 'POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab',
    later: 'cd',
    answers: 1,
  },
  waiting: { before: '', sent: get('/wait'), answers: 1 },
  /** Has the head of an answer that says that the connection stays, and sends another request when it has the body. */
  streaming: { before: get('/stream'), afterwards: get('/late'), answers: 2 },
} as const satisfies Record<string, Situation>;

interface Situation {
  readonly before: string;
  readonly sent?: string;
  readonly later?: string;
  readonly afterwards?: string;
  readonly answers: number;
}

/** Whether a server accepts no connections. */
async function isClosed(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const refusal = new Promise<string | undefined>((resolve) => {
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    socket.on('connect', () => resolve(undefined));
  });
  const isRefused = (await refusal) === 'ECONNREFUSED';
  socket.destroy();
  return isRefused;
}

describe('a server that drains', () => {
  it.each([false, true])('answers whatever clients have sent on open connections (TLS: %s)', async (secure) => {
    const situation = fc.constantFrom<Situation[]>(...Object.values(SITUATIONS));
    await fc.assert(
      fc.asyncProperty(fc.array(situation, { minLength: 1, maxLength: 6 }), async (situations) => {
        const { server, port, go } = await scene({ drainIdleMs: 60_000, ...(secure ? { tls: TLS } : {}) });
        const clients = await Promise.all(
          situations.map(async (each) => ({ each, client: await Connection.open(port, secure) })),
        );
        for (const { each, client } of clients) client.write(each.before);
        await expect
          .poll(() => clients.every(({ each, client }) => client.heads === (each.before === '' ? 0 : 1)))
          .toBe(true);
        await expect
          .poll(() =>
            clients.every(({ each, client }) => client.answers === (each.before.startsWith('GET /one') ? 1 : 0)),
          )
          .toBe(true);
        for (const { each, client } of clients) client.write(each.sent ?? '');
        const drained = server.drain(60_000);
        await new Promise(setImmediate);
        for (const { each, client } of clients) client.write(each.later ?? '');
        go();
        for (const { each, client } of clients) {
          if (each.afterwards === undefined) continue;
          await expect.poll(() => client.answers).toBe(1);
          client.write(each.afterwards);
        }
        await Promise.all(clients.map(({ client }) => client.closed));
        await drained;
        for (const { each, client } of clients)
          expect([client.answers, client.saysClose]).toEqual([each.answers, true]);
      }),
      { numRuns: 15, endOnFailure: true, examples: [[Object.values(SITUATIONS)]] },
    );
  });

  it.each(
    [false, true].flatMap((secure) => [
      { secure, state: 'has asked nothing yet', before: '', part: 0, later: get('/wait'), answers: 1 },
      { secure, state: 'has sent a part of it', before: '', part: 20, later: get('/wait'), answers: 1 },
      { secure, state: 'has an answer', before: get('/one'), part: 0, later: get('/wait'), answers: 2 },
      { secure, state: 'has an answer and a part', before: get('/one'), part: 20, later: get('/wait'), answers: 2 },
    ]),
  )('gives a request the time of any other on a connection that $state (TLS: $secure)', async (given) => {
    const { secure, before, part, later, answers } = given;
    const times = { drainIdleMs: 60_000, idleTimeoutMs: 70_000 };
    const { server, port, go } = await scene({ ...times, ...(secure ? { tls: TLS } : {}) });
    const client = await Connection.open(port, secure);
    client.write(before);
    await expect.poll(() => client.answers).toBe(answers - 1);
    client.write(later.slice(0, part));
    const drained = server.drain(60_000);
    await expect.poll(() => isClosed(port)).toBe(true);
    const serverSocket = nextServerSocket();
    client.write(later.slice(part));
    expect((await serverSocket).timeout).toBe(70_000);
    go();
    await Promise.all([client.closed, drained]);
    expect(client.answers).toBe(answers);
  });

  it('ends idle connections after their time, and accepts no others', async () => {
    const { server, port } = await scene({ drainIdleMs: 1 });
    const client = await Connection.open(port);
    client.write(get('/one'));
    await expect.poll(() => client.answers).toBe(1);
    await server.drain(60_000);
    await client.closed;
    const refused = connect(port, '127.0.0.1');
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
  });

  it('stops to listen after its time, although clients open connections without a pause', async () => {
    const { server, port, clock } = await scene({ drainIdleMs: 5_000 });
    let opened = 0;
    let stops = false;
    const opening = async (): Promise<void> => {
      while (!stops) {
        const socket = connect(port, '127.0.0.1').on('error', () => {});
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
        socket.destroy();
        opened += 1;
      }
    };
    const all = Promise.all(Array.from({ length: 8 }, opening));
    const drained = server.drain(60_000);
    await expect.poll(() => opened).toBeGreaterThan(200);
    clock.advance(5_000);
    await drained;
    stops = true;
    await all;
  });

  it('cuts off what is open after its time', async () => {
    const { server, port, clock } = await scene({ drainIdleMs: 60_000 });
    const client = await Connection.open(port);
    client.write(get('/wait'));
    const drained = server.drain(5_000);
    clock.advance(5_000);
    await Promise.all([client.closed, drained]);
  });
});

describe('a session of HTTP/2', () => {
  const session = async (url: string): Promise<ClientHttp2Session> => {
    const made = connectHttp2(url, { rejectUnauthorized: false });
    made.on('error', () => {});
    onTestFinished(() => void made.destroy());
    await once(made, 'remoteSettings');
    return made;
  };
  const ask = async (from: ClientHttp2Session, path: string): Promise<string> => {
    const stream = from.request({ ':path': path });
    const body = text(stream);
    body.catch(() => {});
    const [head] = await once(stream, 'response');
    return `${head[':status']} ${await body}`;
  };

  it('has the streams answered that it has opened before the server drains', async () => {
    const { server, url, go } = await scene({ tls: TLS });
    const client = await session(url);
    expect(await ask(client, '/one')).toBe('200 /one');
    const waiting = ask(client, '/wait');
    const sent = client.request({ ':path': '/two' });
    const answered = text(sent);
    // By then, Node has written the frames.
    await new Promise(setImmediate);
    const drained = server.drain(60_000);
    go();
    expect([await waiting, await answered]).toEqual(['200 /wait', '/two']);
    await drained;
  });

  it('that has asked nothing yet is answered what is on its way, and both sessions end', async () => {
    const { server, url } = await scene({ tls: TLS });
    const [client] = await Promise.all([session(url), session(url)]);
    const asked = ask(client as ClientHttp2Session, '/one');
    await new Promise(setImmediate);
    const drained = server.drain(60_000);
    expect(await asked).toBe('200 /one');
    await drained;
  });

  it('that is accepted while the server drains is answered what it asks first, or ends after its time', async () => {
    const { server, url, port, clock } = await scene({ tls: TLS, drainIdleMs: 5_000 });
    const sockets = await Promise.all([1, 2].map(() => openSocket(port)));
    const drained = server.drain(60_000);
    const [asking, silent] = sockets.map((socket) => {
      const over = connectTls({ socket, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
      const made = connectHttp2(url, { createConnection: () => over });
      made.on('error', () => {});
      onTestFinished(() => void made.destroy());
      return made;
    }) as [ClientHttp2Session, ClientHttp2Session];
    expect(await ask(asking, '/one')).toBe('200 /one');
    await expect.poll(() => asking.closed).toBe(true);
    expect(silent.closed).toBe(false);
    clock.advance(5_000);
    await drained;
  });
});

async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
