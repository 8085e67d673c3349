// A process that has registered a provider with OpenTelemetry: its own SDK, which keeps all spans.
import { context, propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';
import { openTracer, type Tracer } from '../../src/index.ts';

export interface RecordedSpan {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parent: string | undefined;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

export interface RecordedSpans {
  readonly tracer: Tracer;
  all(): readonly RecordedSpan[];
  /** Forgets the spans so far, such as those of a load, which calls the component too. */
  forget(): void;
  /** The only span of this name. */
  one(name: string): RecordedSpan;
}

/** @param sampler decides which spans are kept; all by default */
export async function recordedSpans(sampler?: Sampler): Promise<RecordedSpans> {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({
      spanProcessors: [new SimpleSpanProcessor(exporter)],
      ...(sampler === undefined ? {} : { sampler }),
    }),
  );
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  onTestFinished(() => {
    trace.disable();
    propagation.disable();
    context.disable();
  });
  const tracer = await openTracer();
  if (tracer === undefined) throw new Error('there is no tracer');
  const all = (): readonly RecordedSpan[] =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      kind: span.kind,
      traceId: span.spanContext().traceId,
      spanId: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId,
      attributes: span.attributes,
      failed: span.status.code === 2,
    }));
  const one = (name: string): RecordedSpan => {
    const found = all().filter((span) => span.name === name);
    if (found.length !== 1) throw new Error(`${found.length} spans ${name}, of ${all().map((span) => span.name)}`);
    return found[0] as RecordedSpan;
  };
  return { tracer, all, one, forget: () => exporter.reset() };
}
