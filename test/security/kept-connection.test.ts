// When a connection may carry another request, and what is asked before it does.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Client } from 'undici';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KeptConnection } from '../../src/security/access/http/kept-connection.ts';
import { KeptConnections, UnusedConnections } from '../../src/security/access/http/kept-connections.ts';
import { TestClock } from '../../src/testing/clock.ts';

const ORIGIN = 'http://127.0.0.1:80';

/** Stands for undici's class, which these tests send nothing with. */
class NoClient {
  async destroy(): Promise<void> {}
}

async function scene() {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const clock = new TestClock();
  const unused = new UnusedConnections(clock);
  const kept = new KeptConnections(unused);
  const made = async () => {
    const accepted = once(server, 'connection') as Promise<[Socket]>;
    const socket = connect({ port, host: '127.0.0.1' });
    const [other] = await accepted;
    onTestFinished(() => {
      socket.destroy();
      other.destroy();
    });
    const Class = NoClient as unknown as typeof Client;
    return { socket, other, connection: new KeptConnection(Class, socket, ORIGIN, clock.monotonic()) };
  };
  return { kept, made };
}

describe('a connection', () => {
  it('may carry another request until it is closed', async () => {
    const { made } = await scene();
    const { connection, socket } = await made();
    expect(connection.isOpen).toBe(true);
    socket.destroy();
    expect(connection.isOpen).toBe(false);
  });

  it('carries none once nothing more can be written, though it is not closed yet', async () => {
    const { made } = await scene();
    const { connection, socket } = await made();
    socket.end();
    expect(socket.destroyed).toBe(false);
    expect(connection.isOpen).toBe(false);
  });

  it('carries none once its server has closed its side', async () => {
    const { made } = await scene();
    const { connection, socket, other } = await made();
    other.end();
    socket.resume();
    await once(socket, 'end');
    expect(connection.isOpen).toBe(false);
  });

  it.each<(socket: Socket) => void>([(socket) => socket.destroy(), (socket) => socket.end()])(
    'that is not open is neither kept nor taken (%#)',
    async (close) => {
      const { kept, made } = await scene();
      const [late, early] = [await made(), await made()];
      close(late.socket);
      expect(kept.keep(late.connection, kept.round)).toBe(false);
      expect(kept.keep(early.connection, kept.round)).toBe(true);
      close(early.socket);
      expect(kept.take(ORIGIN, () => true)).toBeUndefined();
      expect([kept.has(ORIGIN), early.socket.destroyed]).toEqual([false, true]);
    },
  );

  it('is taken in place of one that has been closed meanwhile', async () => {
    const { kept, made } = await scene();
    const [open, closed] = [await made(), await made()];
    for (const { connection } of [open, closed]) expect(kept.keep(connection, kept.round)).toBe(true);
    closed.socket.destroy();
    expect(kept.take(ORIGIN, () => true)).toBe(open.connection);
  });
});
