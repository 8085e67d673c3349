// Spans of requests, from a client through the server into a component.
import { request as send } from 'node:http';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { OpenSpan, Tracer } from '#core/ports/tracing';
import type { FieldPairs } from '#core/waiting';
import { HttpServer, InternalRoutes } from '#server';
import { createRuntime, serveExchange } from '#system';
import { helloHandler } from '../../tools/components/hello-handler.ts';
import { recordedSpans } from '../support/recorded-spans.ts';
import { wasiGuest } from '../support/wasi-guest.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const SHOW =
  "api.answer(out, request.headers().entries().filter(([name]) => name === 'traceparent').map(([, value]) => api.text(value)).join())";

let component: Uint8Array;
beforeAll(async () => {
  component = await wasiGuest('handler');
});

async function scene(load = {}) {
  const spans = await recordedSpans();
  const runtime = await createRuntime({ overrides: { tracer: spans.tracer } });
  onTestFinished(() => runtime.close());
  // A handler in JavaScript starts slowly on a busy machine, and time is not what is tried here.
  const limits = { maxExecutionTimeMs: 60_000, maxStartTimeMs: 60_000 };
  const handle = await runtime.load(component, { id: 'demo/a/1', limits, ...load });
  spans.forget();
  const internal = new InternalRoutes({
    routes: [
      { method: 'GET', path: '/-/v1/things/:id', scope: 'read', handler: () => new Response('things') },
      { method: 'GET', path: '/-/health', handler: () => new Response('ok') },
    ],
    authorize: () => undefined,
  });
  const server = new HttpServer(
    () => ({ component: 'demo/a/1', serve: (exchange) => serveExchange(runtime, handle, exchange) }),
    { port: 0, tracer: spans.tracer, internal },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  const ask = async (step: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}/x?secret=1`, { headers: { 'x-step': step, ...headers } });
  /** The spans, once that of the request has ended, which is after the client has its answer. */
  const ended = async (count = 2) => {
    await expect.poll(() => spans.all().length).toBe(count);
    return spans;
  };
  const requests = (): number => runtime.components()[0]?.requests ?? 0;
  return { url, ask, ended, requests, spans };
}

describe('a request', () => {
  it.each(['per-call', 'per-actor'])(
    'is a child of its client’s span, and the component finds its context (%s)',
    async (store) => {
      const { ask, ended } = await scene({ store });
      const told = await (await ask(SHOW, { traceparent: PARENT })).text();
      const { one } = await ended();
      const [request, turn] = [one('GET demo/a/1'), one('turn demo/a/1')];
      expect(request).toMatchObject({
        parent: 'b7ad6b7169203331',
        traceId: '0af7651916cd43dd8448eb211c80319c',
        failed: false,
      });
      expect(told).toBe(`00-${request.traceId}-${request.spanId}-01`);
      expect(turn.parent).toBe(request.spanId);
      expect(request.attributes).toMatchObject({
        'http.response.status_code': 200,
        'url.path': '/x',
        'vivarium.component': 'demo/a/1',
      });
      expect(JSON.stringify(request.attributes)).not.toContain('secret');
    },
  );

  it.each([
    ['is malformed', '00-zz'],
    ['is all zeros', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`],
    ['is huge', PARENT.padEnd(5_000, 'a')],
  ])('begins a trace of its own where the context of the client %s', async (_, traceparent) => {
    const { ask, ended } = await scene();
    await (await ask(SHOW, { traceparent })).text();
    expect((await ended()).one('GET demo/a/1').parent).toBeUndefined();
  });

  it('that a component answers with an error has failed', async () => {
    const { ask, ended } = await scene();
    expect((await ask('0')).status).toBe(502);
    expect((await ended()).one('GET demo/a/1').failed).toBe(true);
  });

  it('whose client leaves has failed', async () => {
    const { url, requests, spans } = await scene();
    const step = 'request.consume().stream().subscribe().block()';
    const asked = send(url, { method: 'POST', headers: { 'x-step': step, 'content-length': 5 } });
    asked.on('error', () => {});
    asked.flushHeaders();
    await expect.poll(() => requests()).toBe(1);
    asked.destroy();
    // The guest may have begun to wait for the body or not, which would be a span too.
    await expect.poll(() => spans.all().map(({ name }) => name)).toContain('POST demo/a/1');
    expect(spans.one('POST demo/a/1').failed).toBe(true);
  });

  it('to a route of the host that needs a token is a span by its pattern; others are none', async () => {
    const { url, ended } = await scene();
    await (await fetch(`${url}/-/v1/things/secret`, { headers: { traceparent: PARENT } })).text();
    await (await fetch(`${url}/-/health`)).text();
    const { one } = await ended(1);
    expect(one('GET /-/v1/things/:id')).toMatchObject({ parent: 'b7ad6b7169203331' });
  });
});

it('makes of a request that a sampler drops one span, and no fields for a component that reads no headers', async () => {
  let made = 0;
  let begun = 0;
  const span: OpenSpan = {
    traceId: '0af7651916cd43dd8448eb211c80319c',
    spanId: 'b7ad6b7169203331',
    isDropped: true,
    get fields(): FieldPairs {
      made += 1;
      return [['traceparent', PARENT]];
    },
    begin: () => span,
    run: (work) => work(),
    end: () => {},
  };
  const tracer: Tracer = {
    begin: () => {
      begun += 1;
      return span;
    },
  };
  const runtime = await createRuntime({ overrides: { tracer } });
  onTestFinished(() => runtime.close());
  const [silent, reading] = [await runtime.load(await helloHandler()), await runtime.load(component)];
  const server = new HttpServer(
    ({ pathname }) => {
      const handle = pathname === '/silent' ? silent : reading;
      return { component: pathname, serve: (exchange) => serveExchange(runtime, handle, exchange) };
    },
    { port: 0, tracer },
  );
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  begun = 0;
  expect(await (await fetch(`${url}/silent`)).text()).toBe('hello');
  expect([begun, made]).toEqual([1, 0]);
  expect(await (await fetch(`${url}/reading`, { headers: { 'x-step': SHOW } })).text()).toBe(PARENT);
  expect(made).toBeGreaterThan(0);
});
