import type { Span, TextMapGetter, TextMapSetter } from '@opentelemetry/api';
import type { FieldPairs } from '#core/waiting';
import type { RequestHead } from '../request-head.ts';

/** Traces requests. An embedder or operator who registers no provider with OpenTelemetry pays for nothing but calls that do nothing. */
export interface Tracing {
  /** Begins the span of a request, as a child of the one that the request's headers name. */
  begin(component: string, head: RequestHead, headers: FieldPairs): RequestSpan;
}

export interface RequestSpan {
  /** The headers that the component finds: W3C trace context names the span of this server. */
  readonly headers: FieldPairs;
  /** @param status 0 if the client left before an answer began */
  end(status: number): void;
}

const FIELDS = new Set(['traceparent', 'tracestate', 'baggage']);
/** More than any trace context is allowed to have (W3C Trace Context, section 3.3.1.3). */
const MAX_CONTEXT = 1_024;

const getter: TextMapGetter<FieldPairs> = {
  keys: (headers) => headers.map(([name]) => name),
  get: (headers, wanted) => headers.find(([name, value]) => name === wanted && value.length <= MAX_CONTEXT)?.[1],
};

const setter: TextMapSetter<[string, string][]> = {
  set: (headers, name, value) => void headers.push([name, value]),
};

/** Opens tracing with `@opentelemetry/api`, an optional peer dependency. Returns undefined if it is not installed. */
export async function openTracing(): Promise<Tracing | undefined> {
  const api = await import('@opentelemetry/api').catch(() => undefined);
  if (api === undefined) return undefined;
  const { context, propagation, SpanKind, SpanStatusCode, trace } = api;
  const tracer = trace.getTracer('vivarium');
  const end = (span: Span, status: number): void => {
    if (status > 0) span.setAttribute('http.response.status_code', status);
    if (status === 0 || status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  };
  return {
    begin(component, { method, scheme, host, pathname }, headers) {
      const parent = propagation.extract(context.active(), headers, getter);
      const attributes = {
        'http.request.method': method,
        'url.scheme': scheme,
        'url.path': pathname,
        'server.address': host,
        'vivarium.component': component,
      };
      const span = tracer.startSpan(`${method} ${component}`, { kind: SpanKind.SERVER, attributes }, parent);
      const own: [string, string][] = [];
      propagation.inject(trace.setSpan(parent, span), own, setter);
      // Without a provider nothing is injected, and the client's context passes on unchanged.
      const passed = own.length === 0 ? headers : [...headers.filter(([name]) => !FIELDS.has(name)), ...own];
      return { headers: passed, end: (status) => end(span, status) };
    },
  };
}
