// Headers of one connection, which no guest may send on another: a proxy in between would find another end of the answer.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { BytePipe, type FieldPairs } from '#core/waiting';
import { type Fields, receivedFields } from '../../src/runtime/wasi/http/fields.ts';
import { HttpServer } from '../../src/server/http-server.ts';

const OF_A_CONNECTION: FieldPairs = [
  ['Transfer-Encoding', 'chunked'],
  ['connection', 'keep-alive'],
  ['Keep-Alive', 'timeout=5'],
  ['UPGRADE', 'x'],
];

it('are not in the fields that a guest receives, nor in its copies', () => {
  const caller = { hostMemory: { take: () => true, giveBack: () => {}, limit: 0 } } as never;
  const received = receivedFields(caller, [...OF_A_CONNECTION, ['x-own', 'a']]) as Fields;
  expect(received.entries().map(([name]) => name)).toEqual(['x-own']);
  expect(
    received
      .clone(caller)
      .entries()
      .map(([name]) => name),
  ).toEqual(['x-own']);
});

it('do not leave the server, wherever a component has them from', async () => {
  const server = new HttpServer(
    () => ({
      component: 'demo/a/1',
      serve: async (exchange) => {
        exchange.began(async () => {});
        const body = new BytePipe();
        body.write(Buffer.from('ok'));
        body.end();
        exchange.answer({ status: 200, headers: [...OF_A_CONNECTION, ['content-length', '2'], ['x-own', 'a']], body });
        exchange.ended();
      },
    }),
    { port: 0 },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  socket.end(`GET / HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: close\r\n\r\n`);
  let answer = '';
  socket.on('data', (bytes) => {
    answer += String(bytes);
  });
  await once(socket, 'close');
  expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*x-own: a[\s\S]*\r\n\r\nok$/);
  expect(answer).not.toMatch(/transfer-encoding|keep-alive|upgrade/i);
});
