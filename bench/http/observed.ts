import { propagation, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { RequestMetrics } from '#server';
import { openTracer } from '#system';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { withHello } from './hello.ts';
import { requestsPerProcessorSecond } from './load.ts';

const ROUNDS = 9;

/** Takes spans as an exporter to another process does, and sends nothing. */
const dropping: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
};

/** What it costs to count every request, and to trace every request as well, with OpenTelemetry's own SDK behind the API. */
export async function observed(report: Report): Promise<void> {
  const metrics = new RequestMetrics();
  const counted = { onAnswered: (answered: Parameters<RequestMetrics['count']>[0]) => metrics.count(answered) };
  const store = 'per-actor';
  await withHello({ store }, {}, async (off) => {
    const compare = async (what: string, port: number, hasGoal = true): Promise<void> => {
      const { ratio } = await paired(
        ROUNDS,
        () => requestsPerProcessorSecond(port),
        () => requestsPerProcessorSecond(off),
      );
      report({
        figure: `requests a second of processor time with ${what}`,
        value: ratio,
        unit: 'times',
        peer: 'without',
        goal: hasGoal ? '>= 0.95' : 'shown',
        holds: !hasGoal || ratio >= 0.95,
      });
    };
    await withHello({ store }, counted, (port) => compare('metrics', port));
    for (const [share, what] of [
      [0.05, 'one trace in twenty'],
      [1, 'every trace'],
    ] as const) {
      const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) });
      const provider = new BasicTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(dropping)] });
      trace.setGlobalTracerProvider(provider);
      propagation.setGlobalPropagator(new W3CTraceContextPropagator());
      const tracer = await openTracer();
      if (tracer === undefined) throw new Error('there is no tracer');
      const options = { ...counted, tracer };
      await withHello({ store }, options, (port) => compare(`metrics and tracing, ${what} kept`, port, share < 1));
      await provider.shutdown();
      trace.disable();
      propagation.disable();
    }
  });
}
