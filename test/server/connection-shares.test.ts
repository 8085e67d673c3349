// How many connections one client may have.
import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { answeringAll, HttpServer } from '#server';
import { ConnectionShares, clientOf } from '../../src/server/connection-shares.ts';

const from = (remoteAddress: string): Socket => Object.assign(new EventEmitter(), { remoteAddress }) as Socket;

it('each client has its share, whatever others have, and has it again when its connections close', () => {
  const client = fc.constantFrom(
    '203.0.113.1',
    '::ffff:203.0.113.2',
    '2001:db8::1',
    '2001:db8:0:0:5::9',
    '2001:db8:0:1::1',
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(client, fc.boolean()), { maxLength: 60 }), (steps) => {
      const shares = new ConnectionShares(12);
      const open = new Map<string, Socket[]>();
      for (const [address, closes] of steps) {
        const own = open.get(clientOf(address)) ?? [];
        open.set(clientOf(address), own);
        if (closes) own.shift()?.emit('close');
        else {
          const socket = from(address);
          expect(shares.enter(socket)).toBe(own.length < 3);
          if (own.length < 3) own.push(socket);
        }
      }
    }),
  );
});

it.each([
  ['::ffff:203.0.113.2', '203.0.113.2'],
  ['2001:db8::1', '2001:db8:0:0::'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::'],
  ['fe80::1%eth0', 'fe80:0:0:0::'],
  ['::1', '::1'],
  ['::', '0:0:0:0::'],
])('%s is of the client %s', (address, client) => {
  expect(clientOf(address)).toBe(client);
});

it('addresses behind which many clients may be have no share of their own, unless one is set', () => {
  const addresses = [
    '127.0.0.1',
    '10.1.2.3',
    '172.17.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    'fe80::1',
    '',
  ];
  for (const address of addresses) {
    const enters = (shares: ConnectionShares): boolean[] => [1, 2].map(() => shares.enter(from(address)));
    expect(enters(new ConnectionShares(4))).toEqual([true, true]);
    expect(enters(new ConnectionShares(4, 1))).toEqual([true, false]);
  }
});

it('a connection beyond the share of its client is closed, and the others go on', async () => {
  const server = new HttpServer(
    answeringAll(() => new Response('hello')),
    { port: 0, maxConnectionsPerClient: 2 },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const open = (): Socket => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const answered = async (socket: Socket): Promise<string> => {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const closed = once(socket, 'close').then(() => ['closed']);
    return String((await Promise.race([once(socket, 'data'), closed]))[0]).slice(0, 12);
  };
  const [one, other] = [open(), open()];
  expect([await answered(one), await answered(other)]).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
  expect(await answered(open())).toBe('closed');
  expect(await answered(one)).toBe('HTTP/1.1 200');
  other.destroy();
  await expect.poll(() => answered(open())).toBe('HTTP/1.1 200');
});
