// Requests to a component that has all that it may have: refused before any work, a few at a time, and counted.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, type IncomingMessage, request as send } from 'node:http';
import { connect } from 'node:http2';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MessagingError } from '#messaging';
import { HttpServer, type HttpServerOptions } from '#server';
import type { HttpExchange } from '#system';
import { Refusals } from '../../src/server/refusals.ts';
import { TestClock } from '../../src/testing/clock.ts';

describe('refusals', () => {
  it('go out in their order, at most sixteen in each turn of the event loop, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 100 }), { maxLength: 30 }), (counts) => {
        const sent: number[] = [];
        const planned: (() => void)[] = [];
        const refusals = new Refusals<number>(
          (each) => void sent.push(each),
          (task) => void planned.push(task),
        );
        let added = 0;
        const turn = (): void => {
          const before = sent.length;
          for (const task of planned.splice(0)) task();
          const waiting = added - before;
          expect(sent.length - before).toBe(Math.min(16, waiting));
        };
        for (const count of counts) {
          for (let each = 0; each < count; each++) refusals.add(added++);
          expect(planned.length).toBeLessThanOrEqual(1);
          turn();
        }
        while (planned.length > 0) turn();
        expect(sent).toEqual(Array.from({ length: added }, (_, each) => each));
      }),
    );
  });

  it('go out at once where too many wait', () => {
    const sent: number[] = [];
    const refusals = new Refusals<number>(
      (each) => void sent.push(each),
      () => {},
    );
    for (let each = 0; each < 4_100; each++) refusals.add(each);
    expect(sent).toEqual([4_096, 4_097, 4_098, 4_099]);
  });
});

const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
const PROBLEM = { type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'MESSAGING_QUEUE_FULL' };

async function scene(options: HttpServerOptions = {}) {
  const served: HttpExchange[] = [];
  const answered: unknown[] = [];
  const refused: unknown[] = [];
  const failed: unknown[] = [];
  const clock = new TestClock();
  const server = new HttpServer(
    () => ({
      component: 'demo/a/1',
      isFull: () => true,
      serve: async (exchange) => {
        served.push(exchange);
        exchange.ended(new MessagingError('MESSAGING_QUEUE_FULL', 'nothing more'));
      },
    }),
    {
      port: 0,
      clock,
      onAnswered: ({ component, method, status }) => void answered.push([component, method, status]),
      onRefused: ({ component, requests }) => void refused.push([component, requests]),
      onError: (error) => void failed.push(error),
      ...options,
    },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const ask = async (method = 'GET', body?: string) => {
    const sent = send(url, { method, agent, headers: body === undefined ? {} : { 'content-length': body.length } });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { response, body: await text(response), isReused: sent.reusedSocket };
  };
  return { server, url, clock, ask, served, answered, refused, failed };
}

describe('a request to a component that has all that it may have', () => {
  it('is refused with a time to ask again, on a connection that stays, and by no exchange', async () => {
    const { ask, served, failed } = await scene();
    const first = await ask();
    expect(first.response.statusCode).toBe(503);
    expect(first.response.headers).toMatchObject({
      'retry-after': '1',
      'content-type': 'application/problem+json',
      connection: 'keep-alive',
    });
    expect(JSON.parse(first.body)).toEqual(PROBLEM);
    expect((await ask()).isReused).toBe(true);
    expect([served, failed]).toEqual([[], []]);
  });

  it('gets no body where it asks for none', async () => {
    const { ask } = await scene();
    const { response, body } = await ask('HEAD');
    expect([response.statusCode, body, response.headers['content-length']]).toEqual([
      503,
      '',
      String(JSON.stringify(PROBLEM).length),
    ]);
    expect((await ask()).isReused).toBe(true);
  });

  it('is refused with its body unread', async () => {
    const { ask } = await scene();
    const { response } = await ask('POST', 'body');
    expect(response.statusCode).toBe(503);
  });

  it('is refused over HTTP/2 as well', async () => {
    const { url } = await scene({ tls: { cert: pem('one.crt'), key: pem('one.key') } });
    const session = connect(url, { rejectUnauthorized: false });
    onTestFinished(() => void session.destroy());
    for (const method of ['GET', 'HEAD']) {
      const stream = session.request({ ':path': '/', ':method': method });
      const [head] = await once(stream, 'response');
      expect([head[':status'], head['retry-after']]).toEqual([503, '1']);
      expect(await text(stream)).toBe(method === 'GET' ? JSON.stringify(PROBLEM) : '');
    }
  });

  it('is counted as any other, and told of once a second', async () => {
    const { ask, clock, server, answered, refused } = await scene();
    for (let each = 0; each < 3; each++) await ask();
    expect(answered).toEqual(Array.from({ length: 3 }, () => ['demo/a/1', 'GET', 503]));
    expect(refused).toEqual([]);
    clock.advance(1_000);
    expect(refused).toEqual([['demo/a/1', 3]]);
    clock.advance(1_000);
    await ask();
    clock.advance(999);
    expect(refused).toEqual([['demo/a/1', 3]]);
    const drained = server.drain(0);
    await expect.poll(() => clock.waiting).toBeGreaterThan(0);
    clock.advance(0);
    await drained;
    expect(refused).toEqual([
      ['demo/a/1', 3],
      ['demo/a/1', 1],
    ]);
  });

  it('is told why where the server says that', async () => {
    const { ask } = await scene({ expose: true });
    expect(JSON.parse((await ask()).body)).toEqual({ ...PROBLEM, detail: 'nothing more' });
  });

  it('whose client leaves before it is refused is counted as left', async () => {
    const { url, answered } = await scene();
    const sent = send(url);
    sent.on('error', () => {});
    sent.end(() => sent.destroy());
    await expect.poll(() => answered.length).toBe(1);
  });
});
