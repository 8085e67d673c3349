// A request whose body nobody reads: its client gets the whole answer, and an answer that keeps its connection means it.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HttpServer, type HttpServerOptions } from '#server';
import { TestClock } from '../../src/testing/clock.ts';

const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const TLS = { cert: pem('one.crt'), key: pem('one.key') };
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';
const MOST = 8 * 2 ** 20;

/** A server that reads no body: `/full` is a component without room, `/component` one that answers, and all else is a function. */
async function scene(options: HttpServerOptions = {}) {
  const paths: string[] = [];
  const clock = new TestClock();
  const server = new HttpServer(
    ({ pathname }) => {
      paths.push(pathname);
      if (pathname !== '/full' && pathname !== '/component') return { web: () => new Response('unread') };
      return {
        component: 'demo/a/1',
        isFull: () => pathname === '/full',
        async serve(exchange) {
          exchange.answer({ status: 200, headers: [], body: undefined });
          exchange.ended();
        },
      };
    },
    { port: 0, clock, ...options },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const port = Number(new URL(url).port);
  const open = async (): Promise<Client> => {
    const isSecure = options.tls !== undefined;
    const place = { port, host: '127.0.0.1', allowHalfOpen: true };
    const socket = isSecure
      ? connectTls({ ...place, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
      : connect(place);
    await once(socket, isSecure ? 'secureConnect' : 'connect');
    onTestFinished(() => void socket.destroy());
    return new Client(socket);
  };
  return { open, paths, clock };
}

class Client {
  readonly socket: Socket;
  received = '';
  failure: unknown;
  /** Resolves when the server has ended its side. */
  readonly ended: Promise<unknown>;
  readonly closed: Promise<unknown>;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', (error) => {
      this.failure = error;
    });
    this.ended = new Promise((resolve) => void socket.on('end', resolve));
    this.closed = new Promise((resolve) => void socket.on('close', resolve));
  }

  read(): this {
    this.socket.on('data', (bytes) => {
      this.received += String(bytes);
    });
    return this;
  }

  /** Resolves when the kernel has the bytes, or with the error if it takes them no more. */
  write(bytes: string | Uint8Array): Promise<Error | null | undefined> {
    return new Promise((resolve) => void this.socket.write(bytes, resolve));
  }

  get answers(): number {
    return this.received.match(/HTTP\/1\.1 \d/g)?.length ?? 0;
  }

  get connection(): string[] {
    return Array.from(this.received.matchAll(/^connection: (.*)\r$/gim), ([, value]) => value as string);
  }
}

const post = (path: string, ...lines: string[]): string =>
  `${[`POST ${path} HTTP/1.1`, 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;

const PATHS = ['/full', '/component', '/function'];

describe('a body that nobody reads', () => {
  it.each(PATHS)('and that is short leaves its connection to the next request: %s', async (path) => {
    const { open, paths } = await scene();
    const client = (await open()).read();
    await client.write(post(path, 'Content-Length: 20000'));
    await expect.poll(() => client.answers).toBe(1);
    await client.write('b'.repeat(20_000) + NEXT);
    await expect.poll(() => client.answers).toBe(2);
    expect(client.connection).toEqual(['keep-alive', 'keep-alive']);
    expect(paths).toEqual([path, '/next']);
    // Such a request leaves nothing on its connection that would change how that ends.
    await client.write(post(path, 'Content-Length: 20'));
    await expect.poll(() => client.answers).toBe(3);
    await client.write('b'.repeat(20) + NEXT.replace('Host', 'Connection: close\r\nHost'));
    await client.ended;
    expect(client.connection).toEqual(['keep-alive', 'keep-alive', 'keep-alive', 'close']);
    client.socket.end();
    await client.closed;
  });

  it.each(PATHS)('and that has come whole leaves its connection, however long it is: %s', async (path) => {
    const { open } = await scene();
    const client = (await open()).read();
    // The last byte comes with the rest, so that the answer cannot be ahead of it.
    await client.write(`${post(path, 'Content-Length: 30000')}${'b'.repeat(30_000)}${NEXT}`);
    await expect.poll(() => client.answers).toBe(2);
    expect(client.connection).toEqual(['keep-alive', 'keep-alive']);
  });

  it.each([
    ...PATHS.map((path) => post(path, 'Content-Length: 300000')),
    ...PATHS.map((path) => post(path, 'Transfer-Encoding: chunked')),
    post('/full', 'Content-Length: 300000', 'Expect: 100-continue'),
    post('/full', 'Content-Length: 300000', 'Connection: upgrade', 'Upgrade: websocket'),
    post('/full', 'Content-Length: 300000').replace('POST', 'HEAD'),
    post('/full', 'Content-Length: 300000', 'Connection: keep-alive').replace('HTTP/1.1', 'HTTP/1.0'),
  ])(
    'and that is long, or of unknown length, ends its connection, and nothing in it is a request: %j',
    async (head) => {
      const { open, paths } = await scene();
      const client = (await open()).read();
      await client.write(head + NEXT);
      await expect.poll(() => client.connection).toEqual(['close']);
      await client.ended;
      await client.write(NEXT);
      client.socket.end();
      await client.closed;
      expect(paths).toHaveLength(1);
      expect(client.connection).toEqual(['close']);
    },
  );

  it.each([
    ['/full', {}],
    ['/component', {}],
    ['/function', {}],
    ['/full', { tls: TLS }],
    ['/too-large', { maxBodyBytes: 1_000 }],
    ['//malformed', {}],
  ] as const)('costs no answer where its client sends 5 MB before it reads: %s %o', async (path, options) => {
    const { open } = await scene(options);
    const client = await open();
    const body = Buffer.alloc(5_000_000);
    expect(await client.write(post(path, `Content-Length: ${body.length}`))).toBeFalsy();
    expect(await client.write(body)).toBeFalsy();
    client.read();
    await client.ended;
    expect(client.connection).toEqual(['close']);
    expect(client.failure).toBeUndefined();
  });

  it('is read for two seconds after its answer', async () => {
    const { open, clock } = await scene();
    const client = (await open()).read();
    await client.write(post('/full', 'Content-Length: 300000'));
    await client.ended;
    clock.advance(1_999);
    expect(await client.write('b')).toBeFalsy();
    expect(clock.waiting).toBe(1);
    clock.advance(1);
    // A connection that was closed with nothing unread is reset by the next bytes.
    await expect.poll(() => client.write('b')).toBeTruthy();
    expect(clock.waiting).toBe(0);
  });

  it('is read no further than 8 MiB', async () => {
    const { open } = await scene();
    const client = await open();
    client.read();
    await client.write(post('/full', `Content-Length: ${100 * MOST}`));
    await client.ended;
    let sent = 0;
    for (const piece = Buffer.alloc(2 ** 16); !(await client.write(piece)); sent += piece.length);
    // What the kernel holds comes on top.
    expect(sent).toBeGreaterThan(MOST - 2 ** 17);
    expect(sent).toBeLessThan(4 * MOST);
  });
});
