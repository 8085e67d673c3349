// Headers of one connection, which no guest may send on another: a proxy in between would find another end of the answer.
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, it, onTestFinished } from 'vitest';
import { framingOf } from '#core/ports/content-length';
import { CONNECTION_HEADERS } from '#core/ports/network';
import { sentTrailers } from '#core/ports/trailers';
import { BytePipe, type FieldPairs } from '#core/waiting';
import { type Fields, receivedFields } from '../../src/runtime/wasi/http/fields.ts';
import { HttpServer } from '../../src/server/http-server.ts';
import { FetchExchange } from '../../src/system/fetch-exchange.ts';

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

/** Each by its name alone, in the case that a client likes. */
const ALL: FieldPairs = [...CONNECTION_HEADERS].flatMap(
  (name): FieldPairs => [
    [name, 'x'],
    [name.toUpperCase(), 'x'],
  ],
);

it('do not reach a component over a connection', async () => {
  const seen: FieldPairs[] = [];
  const server = new HttpServer(
    () => ({
      component: 'demo/a/1',
      serve: async (exchange) => {
        seen.push(exchange.headers);
        exchange.ended();
      },
    }),
    { port: 0 },
  );
  const { port } = new URL((await server.listen()).url);
  onTestFinished(() => server.drain(0));
  // These decide how the server reads the request itself.
  const framing = new Set(['host', 'connection', 'transfer-encoding', 'upgrade']);
  const lines = ALL.filter(([name]) => !framing.has(name.toLowerCase())).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const own = 'Host: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-Own: a\r\n';
  const socket = connect(Number(port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(`POST / HTTP/1.1\r\n${own}${lines.join('')}\r\n0\r\n\r\n`);
  await text(socket);
  expect(seen.flat().map(([name]) => name)).toEqual(['x-own', 'x-forwarded-for']);
});

it('do not reach a component by a request of the embedder', () => {
  const headers = ALL.map(([name, value]): [string, string] => [name, value]);
  const request = new Request('http://a.example/', { headers: [...headers, ['x-own', 'a']] });
  expect(new FetchExchange(request, {}).headers).toEqual([['x-own', 'a']]);
});

it('are neither headers nor trailers of an answer', () => {
  expect(framingOf('GET', 200, [...ALL, ['X-Own', 'a']]).headers).toEqual([['X-Own', 'a']]);
  expect(sentTrailers([...ALL, ['X-Own', 'a']])).toEqual([['x-own', 'a']]);
});
