// Registers OpenTelemetry's SDK, as `node --import` runs it before `viv serve`, and prints each span when it has ended. A process in
// production gives its spans to an exporter instead, for example that of `@opentelemetry/exporter-trace-otlp-proto`.
import { propagation, SpanKind, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from '@opentelemetry/sdk-trace-base';

const printing: SpanProcessor = {
  onStart() {},
  onEnd({ name, kind, parentSpanContext, attributes }: ReadableSpan) {
    const parent = parentSpanContext?.spanId ?? 'nothing';
    process.stderr.write(`span: ${SpanKind[kind]} "${name}" below ${parent}, ${JSON.stringify(attributes)}\n`);
  },
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [printing] }));
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
