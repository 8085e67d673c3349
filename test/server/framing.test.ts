// Where an answer ends on a connection is the server's word: whatever answers, a client never takes one answer for another.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BytePipe } from '#core/waiting';
import { HttpServer, type HttpServerOptions } from '#server';
import { createRuntime, type HttpExchange, serveExchange } from '#system';
import type { ComponentTarget, WebTarget } from '../../src/server/http-server.ts';

type Target = ComponentTarget | WebTarget;
type End = 'end' | 'failure' | 'abort';

/** What a handler answers: a body that comes in portions, and the lengths that its head promises. */
interface Plan {
  readonly status: number;
  readonly lengths: readonly string[];
  readonly portions: readonly number[];
  /** Whether the handler waits after each portion until the server has taken it. */
  readonly waits: boolean;
  readonly end: End;
}

const OWN = 'the answer of the second request';
const SECOND: WebTarget = { web: () => new Response(OWN) };

async function serving(first: Target, options: HttpServerOptions = {}): Promise<{ url: string; port: number }> {
  const server = new HttpServer(({ pathname }) => (pathname === '/second' ? SECOND : first), { port: 0, ...options });
  const { url } = await server.listen();
  onTestFinished(() => server.drain(0));
  return { url, port: Number(new URL(url).port) };
}

const portion = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);
const headersOf = ({ lengths }: Plan): [string, string][] => lengths.map((length) => ['content-length', length]);

/** Answers as a component does: on the exchange, by a pipe. */
function byExchange(plan: () => Plan): ComponentTarget {
  return { component: 'demo/first/1', serve: (exchange) => answer(exchange, plan()) };
}

async function answer(exchange: HttpExchange, plan: Plan): Promise<void> {
  const body = new BytePipe();
  exchange.answer({ status: plan.status, headers: headersOf(plan), body });
  for (const length of plan.portions) {
    body.write(portion(length));
    while (plan.waits && body.isOpen && body.length > 0) await body.changed.next();
  }
  if (plan.end === 'end') body.end();
  if (plan.end === 'failure') body.fail({ tag: 'internal-error', val: undefined });
  exchange.ended(plan.end === 'abort' ? new Error('the turn was given up') : undefined);
}

/** Answers as an embedder does: by the objects of the web. */
function byWeb(plan: () => Plan): WebTarget {
  return {
    web() {
      const { status, lengths, portions, end } = plan();
      async function* body() {
        for (const length of portions) yield portion(length);
        if (end !== 'end') throw new Error('the body failed');
      }
      const stream =
        status === 204 || status === 304 ? null : (Readable.toWeb(Readable.from(body())) as ReadableStream<Uint8Array>);
      const headers = new Headers();
      for (const length of lengths) headers.append('content-length', length);
      return new Response(stream, { status, headers });
    },
  };
}

/** The first whole answer in what came, and what follows it; undefined if none is whole. */
function wholeAnswer(came: string, method: string): { status: number; body: string; rest: string } | undefined {
  const end = came.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [line = '', ...fields] = came.slice(0, end).toLowerCase().split('\r\n');
  const status = Number(line.split(' ')[1]);
  const behind = came.slice(end + 4);
  if (method === 'HEAD' || status === 204 || status === 304) return { status, body: '', rest: behind };
  if (fields.includes('transfer-encoding: chunked')) return chunked(status, behind);
  const said = fields.filter((field) => field.startsWith('content-length: '));
  expect(said, line).toHaveLength(1);
  const length = Number(said[0]?.slice('content-length: '.length));
  if (behind.length < length) return undefined;
  return { status, body: behind.slice(0, length), rest: behind.slice(length) };
}

function chunked(status: number, behind: string): ReturnType<typeof wholeAnswer> {
  let body = '';
  for (let at = 0; ; ) {
    const line = behind.indexOf('\r\n', at);
    if (line < 0) return undefined;
    const size = Number.parseInt(behind.slice(at, line), 16);
    if (size === 0) return { status, body, rest: behind.slice(line + 4) };
    if (behind.length < line + 2 + size + 2) return undefined;
    body += behind.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

const LENGTHS = fc.oneof(
  { weight: 1, arbitrary: fc.constant([]) },
  { weight: 6, arbitrary: fc.nat(12).map((length) => [String(length)]) },
  { weight: 1, arbitrary: fc.constantFrom(['3x'], ['-1'], ['3', '4'], ['3', '3'], ['0003'], ['']) },
);

const PLANS: fc.Arbitrary<Plan> = fc.record({
  status: fc.constantFrom(200, 200, 200, 404, 204, 205, 304),
  lengths: LENGTHS,
  portions: fc.array(fc.constantFrom(0, 1, 2, 3, 5, 70_000), { maxLength: 4 }),
  waits: fc.boolean(),
  end: fc.constantFrom<End>('end', 'end', 'end', 'failure', 'abort'),
});

const total = ({ portions }: Plan): number => portions.reduce((sum, length) => sum + length, 0);

/** Whether an answer must arrive as it was meant. */
function isSound(plan: Plan, method: string): boolean {
  if (plan.end !== 'end' || plan.lengths.some((length) => !/^\d+$/.test(length))) return false;
  const [length, ...others] = new Set(plan.lengths.map(Number));
  if (others.length > 0) return false;
  return [204, 205, 304].includes(plan.status) || method === 'HEAD' || length === undefined || length === total(plan);
}

describe.each([
  ['on an exchange', byExchange, [200, 404, 204, 205, 304]],
  // `Response` accepts no body with 205, and joins headers of one name.
  ['by the objects of the web', byWeb, [200, 404, 204, 304]],
])('an answer %s', (_, target, statuses) => {
  const plans = PLANS.filter(
    ({ status, lengths }) => statuses.includes(status) && (target === byExchange || lengths.length < 2),
  );

  it('is whole or broken off, and the next request of the connection has its own', async () => {
    let plan: Plan;
    const { port } = await serving(target(() => plan));
    await fc.assert(
      fc.asyncProperty(plans, fc.constantFrom('GET', 'HEAD', 'POST'), async (given, method) => {
        plan = given;
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        const length = method === 'POST' ? 'Content-Length: 0\r\n' : '';
        const second = 'GET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
        socket.write(`${method} /first HTTP/1.1\r\nHost: a\r\n${length}\r\n${second}`);
        const came = await everything(socket);
        const first = wholeAnswer(came, method);
        if (first === undefined) {
          expect(came).not.toContain(OWN);
          expect(isSound(plan, method)).toBe(false);
          return;
        }
        if (isSound(plan, method)) {
          const hasBody = method !== 'HEAD' && ![204, 205, 304].includes(plan.status);
          expect(first).toMatchObject({ status: plan.status, body: 'a'.repeat(hasBody ? total(plan) : 0) });
          expect(first.rest).not.toBe('');
        } else if (first.status < 500) {
          // The connection ends behind an answer whose body went on.
          expect('a'.repeat(total(plan)).startsWith(first.body)).toBe(true);
        }
        if (first.rest !== '') expect(wholeAnswer(first.rest, 'GET')).toEqual({ status: 200, body: OWN, rest: '' });
      }),
      { numRuns: 200 },
    );
  });

  it('over HTTP/2 is whole or its stream is reset by the server', async () => {
    let plan: Plan;
    const pem = (name: string): Buffer => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
    const { url } = await serving(
      target(() => plan),
      { tls: { cert: pem('one.crt'), key: pem('one.key') } },
    );
    const session = connectHttp2(url, { rejectUnauthorized: false });
    onTestFinished(() => void session.destroy());
    const ask = async (method: string, path: string) => {
      const stream = session.request({ ':method': method, ':path': path });
      let status: number | undefined;
      let body = 0;
      stream.on('error', () => {});
      stream.on('response', (head) => {
        status = head[':status'];
      });
      stream.on('data', (piece: Buffer) => {
        body += piece.length;
      });
      stream.end();
      await new Promise<void>((resolve) => void stream.once('close', () => resolve()));
      return { status, body, reset: stream.rstCode };
    };
    await fc.assert(
      fc.asyncProperty(plans, fc.constantFrom('GET', 'HEAD'), async (given, method) => {
        plan = given;
        const { status, body, reset } = await ask(method, '/first');
        if (isSound(plan, method)) {
          const hasBody = method !== 'HEAD' && ![204, 205, 304].includes(plan.status);
          expect({ status, body, reset }).toEqual({ status: plan.status, body: hasBody ? total(plan) : 0, reset: 0 });
        } else if (reset === 0 && method === 'GET') expect([500, 502, 204, 205, 304]).toContain(status);
        else if (reset !== 0) expect(reset).toBe(2);
        expect(await ask('GET', '/second')).toEqual({ status: 200, body: OWN.length, reset: 0 });
      }),
      { numRuns: 60 },
    );
  });
});

it.each([
  ['too short', ['20'], [2]],
  ['too long', ['1'], [2]],
  ['absent', ['20'], []],
])('a body that is %s and known at once is answered 502', async (_, lengths, portions) => {
  const { url } = await serving(byExchange(() => ({ status: 200, lengths, portions, waits: false, end: 'end' })));
  expect((await fetch(`${url}/first`)).status).toBe(502);
});

/** A middleware of WASI 0.3 that passes each request on as HEAD, and gives what comes back to its client. */
const ASKS_FOR_HEADS = `(component
  (import "wasi:http/types@0.3.0" (instance $types
    (export "request" (type $rq (sub resource)))
    (export "response" (type (sub resource)))
    (type $m' (variant (case "get") (case "head") (case "post") (case "put") (case "delete") (case "connect") (case "options")
      (case "trace") (case "patch") (case "other" string)))
    (export "method" (type $m (eq $m')))
    (export "[method]request.set-method" (func (param "self" (borrow $rq)) (param "method" $m) (result (result))))
    (type $error' (variant (case "internal-error")))
    (export "error-code" (type (eq $error')))))
  (alias export $types "request" (type $request))
  (alias export $types "response" (type $response))
  (alias export $types "error-code" (type $error))
  (import "wasi:http/handler@0.3.0" (instance $next
    (alias outer 1 $request (type $q)) (alias outer 1 $response (type $p)) (alias outer 1 $error (type $e))
    (export "handle" (func async (param "request" (own $q)) (result (result (own $p) (error $e)))))))
  (core module $Memory (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $Memory))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $next (canon lower (func $next "handle") (memory $mem) (realloc $realloc)))
  (core func $method (canon lower (func $types "[method]request.set-method") (memory $mem) (realloc $realloc)))
  (core func $return (canon task.return (result (result (own $response) (error $error))) (memory $mem)))
  (core module $M
    (import "" "mem" (memory 1))
    (import "" "next" (func $next (param i32 i32)))
    (import "" "method" (func $method (param i32 i32 i32 i32) (result i32)))
    (import "" "return" (func $return (param i32 i32)))
    (func (export "handle") (param $request i32) (result i32)
      (drop (call $method (local.get $request) (i32.const 1) (i32.const 0) (i32.const 0)))
      (call $next (local.get $request) (i32.const 16))
      (call $return (i32.load8_u (i32.const 16)) (i32.load (i32.const 20)))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "mem" (memory $mem)) (export "next" (func $next)) (export "method" (func $method))
    (export "return" (func $return))))))
  (func $handle async (param "request" (own $request)) (result (result (own $response) (error $error)))
    (canon lift (core func $m "handle") async (memory $mem) (callback (core func $m "callback"))))
  (instance $handler (export "handle" (func $handle)))
  (export "wasi:http/handler@0.3.0" (instance $handler)))`;

describe('a component that answers with what a request for a head has got', () => {
  async function scene() {
    const runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    const asked: string[] = [];
    const next = (request: Request): Response => {
      asked.push(request.method);
      return new Response(null, { headers: { 'content-length': '200' } });
    };
    const handle = await runtime.load(await parse(ASKS_FOR_HEADS), { next });
    const serve = (exchange: HttpExchange) => serveExchange(runtime, handle, exchange);
    return { runtime, handle, asked, ...(await serving({ component: 'middleware', serve })) };
  }

  it('answers HEAD with its length', async () => {
    const { url, asked } = await scene();
    const response = await fetch(`${url}/first`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-length'), asked]).toEqual([200, '200', ['HEAD']]);
  });

  it('answers no GET, and its client takes no other answer for the body', async () => {
    const { port, asked } = await scene();
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const first = wholeAnswer(await everything(socket), 'GET');
    expect([first?.status, asked]).toEqual([502, ['HEAD']]);
    expect(wholeAnswer(first?.rest ?? '', 'GET')).toEqual({ status: 200, body: OWN, rest: '' });
  });

  it('answers `runtime.fetch` with an error as well', async () => {
    const { runtime, handle } = await scene();
    const told = runtime.fetch(handle, new Request('http://a.example/')).then((response) => response.text());
    await expect(told).rejects.toMatchObject({ code: 'RUNTIME_NO_RESPONSE' });
  });
});

async function everything(socket: Socket): Promise<string> {
  let came = '';
  socket.on('data', (piece: Buffer) => {
    came += piece.toString('latin1');
  });
  await once(socket, 'close').catch(() => {});
  return came;
}
