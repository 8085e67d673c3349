// Spans of requests, with OpenTelemetry's own SDK as the reader.
import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, expect, it } from 'vitest';
import type { FieldPairs } from '#core/waiting';
import { openTracing } from '#server';

const HEAD = { method: 'GET', scheme: 'http', host: 'a.example', pathname: '/x', search: '' } as const;
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

afterEach(() => {
  trace.disable();
  propagation.disable();
  context.disable();
});

async function scene() {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const tracing = await openTracing();
  if (tracing === undefined) throw new Error('the API is not installed');
  return { exporter, tracing };
}

it('are children of their client’s, and the component finds their context', async () => {
  const { exporter, tracing } = await scene();
  const span = tracing.begin('demo/a/1', HEAD, [
    ['accept', '*/*'],
    ['traceparent', PARENT],
  ]);
  span.end(200);
  const [finished] = exporter.getFinishedSpans();
  expect(finished).toMatchObject({ name: 'GET demo/a/1', parentSpanContext: { spanId: 'b7ad6b7169203331' } });
  expect(finished?.attributes).toMatchObject({ 'http.response.status_code': 200, 'vivarium.component': 'demo/a/1' });
  const own = `00-0af7651916cd43dd8448eb211c80319c-${finished?.spanContext().spanId}-01`;
  expect(span.headers).toEqual([
    ['accept', '*/*'],
    ['traceparent', own],
  ]);
});

it.each([
  [0, 2],
  [404, 0],
  [502, 2],
])('of an answer with the status %i have the code %i', async (status, code) => {
  const { exporter, tracing } = await scene();
  tracing.begin('demo/a/1', HEAD, []).end(status);
  expect(exporter.getFinishedSpans()[0]?.status.code).toBe(code);
});

it.each<[string, FieldPairs]>([
  ['is malformed', [['traceparent', '00-zz']]],
  ['is huge', [['traceparent', PARENT.padEnd(5_000, 'a')]]],
  ['is none', []],
])('begin a trace of their own where the context of the client %s', async (_, headers) => {
  const { exporter, tracing } = await scene();
  tracing.begin('demo/a/1', HEAD, headers).end(200);
  expect(exporter.getFinishedSpans()[0]?.parentSpanContext).toBeUndefined();
});

it('cost no header where no provider is registered', async () => {
  const tracing = await openTracing();
  const headers: FieldPairs = [['traceparent', PARENT]];
  expect(tracing?.begin('demo/a/1', HEAD, headers).headers).toBe(headers);
});
