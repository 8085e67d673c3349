import { propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { type HttpServerOptions, RequestMetrics } from '#server';
import { openTracer } from '#system';

/** Takes spans as an exporter to another process does, and sends nothing. */
const dropping: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
};

/** Options of a server that counts its requests. @param share of the traces that are kept; none is begun by default */
export async function observing(share?: number): Promise<HttpServerOptions> {
  const metrics = new RequestMetrics();
  const counted: HttpServerOptions = { onAnswered: (answered) => metrics.count(answered) };
  if (share === undefined) return counted;
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) });
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(dropping)] }),
  );
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return { ...counted, tracer: await openTracer() };
}
