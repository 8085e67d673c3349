import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setImmediate as nextStep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { buildActor } from '#system/operations';
import { Sockets } from '../../../src/server/management/sockets.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { type Scene, scene } from './scene.ts';

const ACTOR = `import { defineActor, sendToSocket } from 'vivarium/guest';
const seen = [];
export const lifecycle = defineActor({
  name: 'chat', version: '1.0.0',
  onSocket({ socket, type }, message) {
    seen.push(type);
    if (type === 'open') return 'welcome';
    if (type === 'close') return undefined;
    const text = message.text();
    if (text === 'push') { sendToSocket(socket, 'pushed'); return undefined; }
    return 'you said ' + text;
  },
  onMessage: () => seen,
});`;

/** An empty binary message of a client. */
const EMPTY = Buffer.from([0x82, 0x80, 0, 0, 0, 0]);
const HANDSHAKE = [
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
].join('\r\n');

async function open({ url, tokens }: Scene, path: string): Promise<{ socket: WebSocket; next(): Promise<string> }> {
  const headers = { authorization: `Bearer ${tokens.send}` };
  const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, { headers });
  onTestFinished(() => socket.terminate());
  const queue: string[] = [];
  let wake = (): void => {};
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    queue.push(`${isBinary ? 'binary' : 'text'} ${data.toString('utf8')}`);
    wake();
  });
  await once(socket, 'open');
  const next = async (): Promise<string> => {
    while (queue.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return queue.shift() as string;
  };
  return { socket, next };
}

/** A connection on which the handshake is done, and frames are written byte by byte. */
async function raw({ url, tokens }: Scene): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  socket.write(
    [
      'GET /sockets/demo/echo/1 HTTP/1.1',
      `host: ${hostname}:${port}`,
      HANDSHAKE,
      `authorization: Bearer ${tokens.send}`,
      '\r\n',
    ].join('\r\n'),
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  expect(head.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
  return socket;
}

describe('WebSockets of an actor', () => {
  it('become messages with onSocket, and what the actor returns or sends reaches the client', async () => {
    using folder = temporaryFolder();
    const made = await scene();
    await writeFile(folder.at('actor.ts'), ACTOR);
    await buildActor(folder.at('actor.ts'), { output: folder.at('actor.wasm') });
    const handle = await made.runtime.load(folder.at('actor.wasm'), {
      id: 'demo/chat/1',
      grants: ['messaging:publish:sockets/**'],
    });
    const { socket, next } = await open(made, '/sockets/demo/chat/1');
    expect(await next()).toBe('text welcome');
    socket.send('hello');
    expect(await next()).toBe('text you said hello');
    socket.send('push');
    expect(await next()).toBe('text pushed');
    socket.close();
    await once(socket, 'close');
    const seen = async (): Promise<string> =>
      Buffer.from((await made.runtime.request(handle, new Uint8Array())) ?? []).toString();
    await expect.poll(seen).toBe('["open","message","message","close"]');
  });

  it('are answered one after the other, without a loss, however fast the client sends', async () => {
    const made = await scene();
    await made.runtime.load(await actor(), { id: 'demo/echo/1' });
    const { socket, next } = await open(made, '/sockets/demo/echo/1');
    expect(await next()).toBe('text ');
    const sent = Array.from({ length: 1_000 }, (_, number) => `message ${number}`);
    for (const text of sent) socket.send(text);
    for (const text of sent) expect(await next()).toBe(`text ${text}`);
    socket.send(Uint8Array.of(0x41, 0x42));
    expect(await next()).toBe('binary AB');
  });

  it('are closed with a code when the actor fails, and say nothing of what it said', async () => {
    const made = await scene();
    await made.runtime.load(await actor({ handleMessage: 'unreachable' }), { id: 'demo/echo/1' });
    const { socket } = await open(made, '/sockets/demo/echo/1');
    expect((await once(socket, 'close')).map(String)).toEqual(['1011', '']);
  });

  it('need a token, an actor, and a page of the own origin', async () => {
    const made = await scene();
    await made.runtime.load(await actor(), { id: 'demo/echo/1' });
    const refused = async (path: string, headers: Record<string, string>): Promise<string> => {
      const socket = new WebSocket(`${made.url.replace('http', 'ws')}${path}`, { headers });
      const [error] = (await once(socket, 'error')) as unknown as [Error];
      return error.message;
    };
    const authorization = `Bearer ${made.tokens.send}`;
    expect(await refused('/sockets/demo/echo/1', {})).toContain('401');
    expect(await refused('/sockets/demo/echo/1', { authorization: `Bearer ${made.tokens.read}` })).toContain('403');
    expect(await refused('/sockets/demo/echo/1', { authorization, origin: 'https://evil.example' })).toContain('403');
    expect(await refused('/sockets/demo/none/1', { authorization })).toContain('404');
  });

  it.each([
    ['without a mask', [0x81, 0x01, 0x41], 1002],
    ['with a reserved bit', [0xc1, 0x80, 0, 0, 0, 0], 1002],
    ['of an opcode that is none', [0x83, 0x80, 0, 0, 0, 0], 1002],
    ['that continues nothing', [0x80, 0x80, 0, 0, 0, 0], 1002],
    ['of a control in pieces', [0x09, 0x80, 0, 0, 0, 0], 1002],
    ['of a control that is too long', [0x89, 0xfe, 0, 126, 0, 0, 0, 0], 1002],
    ['of text that is not UTF-8', [0x81, 0x81, 0, 0, 0, 0, 0xff], 1007],
    ['of an exabyte', [0x82, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009],
    ['of two megabytes', [0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0], 1009],
    ['that closes with a code that is none', [0x88, 0x82, 0, 0, 0, 0, 0x00, 0x01], 1002],
  ])('end at a frame %s', async (_, frame, code) => {
    const made = await scene();
    await made.runtime.load(await actor(), { id: 'demo/echo/1' });
    const socket = await raw(made);
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.write(Uint8Array.from(frame));
    await once(socket, 'close');
    const all = Buffer.concat(pieces);
    const at = all.lastIndexOf(0x88);
    expect(all.readUInt16BE(at + 2)).toBe(code);
    expect(made.runtime.components().map(({ state }) => state)).toEqual(['ready']);
  });

  it('are closed when the server goes away', async () => {
    const made = await scene();
    await made.runtime.load(await actor(), { id: 'demo/echo/1' });
    const { socket } = await open(made, '/sockets/demo/echo/1');
    const closed = once(socket, 'close');
    made.dispose();
    expect((await closed)[0]).toBe(1001);
  });
});

it.each([
  ['by default', {}, 1_000],
  ['as it is told', { closeMs: 50 }, 50],
])(
  'a client that does not answer the close of its socket is cut off when the server has ended for its time: %s',
  async (_, options, time) => {
    const runtime = {
      topic: () => ({ subscribe: async () => async () => {} }),
      request: async () => undefined,
    };
    const clock = new TestClock();
    const sockets = new Sockets(runtime as never, clock, options);
    const { client, connection } = await rawTo(sockets);
    const pieces: Buffer[] = [];
    client.on('data', (piece: Buffer) => pieces.push(piece));
    sockets[Symbol.dispose]();
    await expect.poll(() => pieces.length).toBe(1);
    expect(pieces[0]?.readUInt16BE(2)).toBe(1001);
    clock.advance(time - 1);
    expect(connection.destroyed).toBe(false);
    clock.advance(1);
    expect(connection.destroyed).toBe(true);
    await expect.poll(() => clock.waiting).toBe(0);
  },
);

/** A client that has its handshake and writes frames byte by byte, and the server's end of its connection. */
async function rawTo(sockets: Sockets): Promise<{ client: Socket; connection: Socket }> {
  const server = createServer();
  const upgraded = once(server, 'upgrade');
  server.on('upgrade', (incoming, socket, head) => sockets.open({} as never, [incoming, socket, head]));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  client.write(`GET / HTTP/1.1\r\nhost: a\r\n${HANDSHAKE}\r\n\r\n`);
  await once(client, 'data');
  return { client, connection: (await upgraded)[1] as Socket };
}

it('a client that sends many small frames at once is read no further than its actor has answered', async () => {
  // A runtime whose actor answers one message in each round of the event loop.
  let [handled, most] = [0, 0];
  let connection: Socket | undefined;
  const runtime = {
    find: () => undefined,
    topic: () => ({ subscribe: async () => async () => {} }),
    request: async () => {
      handled += 1;
      most = Math.max(most, (connection?.bytesRead ?? 0) / EMPTY.length - handled);
      await nextStep();
    },
  };
  const sockets = new Sockets(runtime as never, new TestClock());
  const { client, connection: own } = await rawTo(sockets);
  connection = own;
  const FRAMES = 100_000;
  client.write(Buffer.alloc(FRAMES * EMPTY.length, EMPTY));
  // The message that says that the socket has opened is one more.
  await expect.poll(() => handled).toBe(FRAMES + 1);
  // A block that is handled, and one that the connection has read ahead.
  expect(most).toBeLessThan((3 * 65_536) / EMPTY.length);
});
