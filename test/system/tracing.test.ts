// Spans of turns, messages and host calls, with OpenTelemetry's own SDK as the reader.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-base';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  createRuntime,
  type LogRecord,
  type OpenSpan,
  openTracer,
  type Runtime,
  type Tracer,
} from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { askingActor } from '../../tools/components/asking-actor.ts';
import { interleavingGuest } from '../../tools/components/interleaving-guest.ts';
import { recordedSpans } from '../support/recorded-spans.ts';
import { scriptedActor } from '../support/scripted-actor.ts';
import { wasiGuest } from '../support/wasi-guest.ts';

let scripted: Uint8Array;
beforeAll(async () => {
  scripted = await scriptedActor();
});

async function scene() {
  const spans = await recordedSpans();
  const runtime = await createRuntime({ overrides: { tracer: spans.tracer } });
  onTestFinished(() => runtime.close());
  const load: Runtime['load'] = async (...given) => {
    const handle = await runtime.load(...given);
    spans.forget();
    return handle;
  };
  return { ...spans, runtime, load };
}

const SOME = new Uint8Array([1, 2, 3]);
const said = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('turns', () => {
  it('are spans with what they used', async () => {
    const { runtime, load, one } = await scene();
    const echo = await load(await actor(), { id: 'demo/echo/1' });
    await runtime.request(echo, SOME);
    const turn = one('turn demo/echo/1');
    expect(turn.attributes).toMatchObject({ 'vivarium.component': 'demo/echo/1' });
    expect(turn.attributes['vivarium.fuel']).toBe(Number(runtime.usage(echo).last.fuelConsumed));
    expect(turn.parent).toBeUndefined();
  });

  it('that fail say by which code', async () => {
    const { runtime, load, one } = await scene();
    const fails = await load(scripted, { id: 'demo/fails/1' });
    await expect(runtime.request(fails, said('fail'))).rejects.toThrow();
    expect(one('turn demo/fails/1').failed).toBe(true);
  });

  it('are below the span in which the embedder asked', async () => {
    const { runtime, load, one, tracer } = await scene();
    const echo = await load(await actor(), { id: 'demo/echo/1' });
    const outer = tracer.begin('internal', 'outer', {});
    await outer.run(() => runtime.request(echo, SOME));
    outer.end();
    expect(one('turn demo/echo/1')).toMatchObject({ parent: one('outer').spanId, traceId: one('outer').traceId });
  });

  it('of two traces side by side keep apart, also after they have waited', async () => {
    const { runtime, load, tracer, all } = await scene();
    await load(await actor(), { id: 'demo/b/1' });
    const handles = await Promise.all(
      ['1', '2', '3'].map(async (instance) =>
        load(await askingActor('demo', 'b', '1'), {
          id: `demo/a/${instance}`,
          grants: ['messaging:request:demo/b/1'],
        }),
      ),
    );
    await Promise.all(
      handles.map(async (handle) => {
        const outer = tracer.begin('internal', 'outer', {});
        await outer.run(() => runtime.request(handle, SOME));
        outer.end();
      }),
    );
    const byTrace = Map.groupBy(all(), (span) => span.traceId);
    expect(byTrace.size).toBe(3);
    for (const spans of byTrace.values()) {
      const names = spans.map((span) => span.name).sort();
      expect(names).toEqual([
        'outer',
        expect.stringMatching(/^turn demo\/a\/[123]$/),
        'turn demo/b/1',
        'vivarium:actor/host-messaging#ask',
      ]);
      const spanOf = (name: string) => spans.find((span) => span.name.startsWith(name));
      expect(spanOf('turn demo/a')?.parent).toBe(spanOf('outer')?.spanId);
      expect(spanOf('vivarium:')?.parent).toBe(spanOf('turn demo/a')?.spanId);
      expect(spanOf('turn demo/b')?.parent).toBe(spanOf('vivarium:')?.spanId);
      expect(spanOf('vivarium:')?.attributes).toMatchObject({ 'messaging.destination.name': 'demo/b/1' });
    }
  });

  it('of a message that a turn sends are below the sending of it', async () => {
    const { runtime, load, one, all } = await scene();
    await load(await actor(), { id: 'demo/b/1' });
    const sends = await load(scripted, { id: 'demo/a/1', grants: ['messaging:send:demo/b/1'] });
    await runtime.request(sends, said('send'));
    await expect.poll(() => all().length).toBe(3);
    const [message, turn] = [one('vivarium:actor/host-messaging#send'), one('turn demo/b/1')];
    expect(message.parent).toBe(one('turn demo/a/1').spanId);
    expect(turn).toMatchObject({ parent: message.spanId, traceId: message.traceId });
  });

  it('that run side by side in one instance have a span each, below who asked', async () => {
    const { runtime, load, tracer, all } = await scene();
    const pending: ((value: number) => void)[] = [];
    const wait = (): Promise<number> => new Promise((resolve) => void pending.push(resolve));
    const guest = await parse(interleavingGuest(false));
    const handle = await load(guest, { id: 'demo/beside/1', imports: { wait }, concurrency: 2 });
    const calls = ['one', 'two'].map((name, n) => {
      const outer = tracer.begin('internal', name, {});
      return outer.run(() => runtime.call(handle, 'work', n)).finally(() => outer.end());
    });
    await expect.poll(() => pending.length).toBe(2);
    // The first counts further than the second, and ends before it.
    pending[0]?.(5_000);
    await calls[0];
    pending[1]?.(1);
    await calls[1];
    const turns = all().filter(({ name }) => name === 'turn demo/beside/1');
    const outers = all().filter(({ name }) => name === 'one' || name === 'two');
    expect(turns.map(({ parent }) => parent).sort()).toEqual(outers.map(({ spanId }) => spanId).sort());
    expect(turns.map(({ failed }) => failed)).toEqual([false, false]);
    const fuelOf = (name: string): number => {
      const outer = outers.find((span) => span.name === name);
      return turns.find(({ parent }) => parent === outer?.spanId)?.attributes['vivarium.fuel'] as number;
    };
    expect(fuelOf('one')).toBeGreaterThan(fuelOf('two') + 5_000);
    expect(BigInt(fuelOf('two'))).toBe(runtime.usage(handle).last.fuelConsumed);
  });

  it('find their context among the headers of the message', async () => {
    const { runtime, load, one } = await scene();
    const echo = await load(scripted, { id: 'demo/echo/1' });
    const headers = [
      ['traceparent', 'forged'],
      ['x-own', 'a'],
    ] as const;
    const reply = await runtime.request(echo, said('headers'), { headers });
    const { traceId, spanId } = one('turn demo/echo/1');
    expect(JSON.parse(read(reply))).toEqual([
      ['x-own', 'a'],
      ['traceparent', `00-${traceId}-${spanId}-01`],
    ]);
  });
});

it('below a span that a sampler drops are none, and messages still carry its context', async () => {
  const { tracer, all } = await recordedSpans(new AlwaysOffSampler());
  const runtime = await createRuntime({ overrides: { tracer } });
  onTestFinished(() => runtime.close());
  const told = await runtime.load(scripted, { id: 'demo/a/1' });
  const outer = tracer.begin('internal', 'outer', {});
  const reply = await outer.run(() => runtime.request(told, said('headers')));
  expect(JSON.parse(read(reply))).toEqual([['traceparent', `00-${outer.traceId}-${outer.spanId}-00`]]);
  expect(all()).toEqual([]);
});

it('that a tracer says are dropped are told nothing: no call below them is a span, and no end is told', async () => {
  const begun: string[] = [];
  const refused = (what: string) => (): never => {
    throw new Error(`a dropped span was told of ${what}`);
  };
  const dropped: OpenSpan = {
    isDropped: true,
    traceId: '1'.repeat(32),
    spanId: '2'.repeat(16),
    fields: [['traceparent', 'dropped']],
    begin: refused('another'),
    run: (work) => work(),
    end: refused('its end'),
  };
  const tracer: Tracer = {
    begin(_, name) {
      begun.push(name);
      return dropped;
    },
  };
  const runtime = await createRuntime({ overrides: { tracer } });
  onTestFinished(() => runtime.close());
  const told = await runtime.load(scripted, { id: 'demo/a/1' });
  begun.length = 0;
  expect(read(await runtime.request(told, said('store')))).toBe('refused');
  expect(JSON.parse(read(await runtime.request(told, said('headers'))))).toEqual([['traceparent', 'dropped']]);
  await expect(runtime.request(told, said('fail'))).rejects.toThrow();
  expect(begun).toEqual(['turn demo/a/1', 'turn demo/a/1', 'turn demo/a/1']);
});

describe('host calls', () => {
  it('that reach the storage are spans below their turn, and fail as the call does', async () => {
    const { runtime, load, one } = await scene();
    const stores = await load(scripted, { id: 'demo/stores/1' });
    expect(read(await runtime.request(stores, said('store')))).toBe('refused');
    const call = one('vivarium:actor/storage#set');
    expect(call.parent).toBe(one('turn demo/stores/1').spanId);
    expect(call.failed).toBe(true);
  });
});

it('the lines of a turn name its span', async () => {
  const { runtime, load, one } = await scene();
  const lines: LogRecord[] = [];
  runtime.on('log', (line) => void lines.push(line));
  const logs = await load(scripted, { id: 'demo/logs/1' });
  await runtime.request(logs, said('log'));
  const { traceId, spanId } = one('turn demo/logs/1');
  expect(lines.map(({ trace }) => trace)).toEqual([{ traceId, spanId }]);
});

describe('requests that a component sends', () => {
  let component: Uint8Array;
  beforeAll(async () => {
    component = await wasiGuest();
  });

  async function sent(headers: readonly (readonly [string, string])[]) {
    const { runtime, load, all } = await scene();
    const seen: IncomingHttpHeaders[] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.end('ok');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const guest = await load(component, { id: 'demo/guest/1', grants: [`network:connect:${at}`] });
    const run = (body: string): Promise<unknown> => runtime.call(guest, 'run', body, '');
    await run(`kept.future = api.request('${at}/x', { headers: ${JSON.stringify(headers)} })`);
    await expect.poll(() => run('return kept.future.subscribe().ready()')).toContain('"ok":true');
    return { headers: seen[0] ?? {}, client: all().find((span) => span.name === 'GET'), turns: all() };
  }

  it('carry the context of a span below their turn', async () => {
    const { headers, client, turns } = await sent([]);
    expect(headers.traceparent).toBe(`00-${client?.traceId}-${client?.spanId}-01`);
    expect(turns.find((span) => span.spanId === client?.parent)?.name).toBe('turn demo/guest/1');
    expect(client?.attributes).toMatchObject({ 'http.response.status_code': 200 });
  });

  it.each(['traceparent', 'TraceParent'])('keep a context of their own in %s', async (name) => {
    const own = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    expect((await sent([[name, own]])).headers.traceparent).toBe(own);
  });
});

describe('without a provider', () => {
  it('there is no tracer, and messages have no context', async () => {
    expect(await openTracer()).toBeUndefined();
    const runtime: Runtime = await createRuntime();
    onTestFinished(() => runtime.close());
    const echo = await runtime.load(scripted, { id: 'demo/echo/1' });
    const headers = [['traceparent', 'mine']] as const;
    expect(JSON.parse(read(await runtime.request(echo, said('headers'), { headers })))).toEqual(headers);
  });
});
