import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context, Span, TextMapGetter, TextMapSetter } from '@opentelemetry/api';
import type { OpenSpan, SpanAttributes, SpanKind, Tracer } from '#core/ports/tracing';
import type { FieldPairs } from '#core/waiting';

type Api = typeof import('@opentelemetry/api');

/** The flag of a trace that somebody keeps (W3C Trace Context, section 3.2.2.5.1). A span that has ended still has it. */
const SAMPLED = 1;
/** More than any trace context is allowed to have (W3C Trace Context, section 3.3.1.3). */
const MAX_CONTEXT = 1_024;

const getter: TextMapGetter<FieldPairs> = {
  keys: (fields) => fields.map(([name]) => name),
  get: (fields, wanted) => fields.find(([name, value]) => name === wanted && value.length <= MAX_CONTEXT)?.[1],
};

const setter: TextMapSetter<[string, string][]> = {
  set: (fields, name, value) => void fields.push([name, value]),
};

/**
 * Opens tracing by `@opentelemetry/api`, an optional peer dependency, for `overrides.tracer` of `createRuntime`.
 * @returns undefined if the API is not installed, or if the process has registered no provider with it: spans would cost time and
 * reach nobody
 */
export async function openTracer(): Promise<Tracer | undefined> {
  const api = await import('@opentelemetry/api').catch(() => undefined);
  if (api === undefined || !hasProvider(api)) return undefined;
  return new OpenTelemetryTracer(api);
}

function hasProvider({ trace, ProxyTracerProvider }: Api): boolean {
  const provider = trace.getTracerProvider();
  if (!(provider instanceof ProxyTracerProvider)) return true;
  // A proxy without a provider delegates to the one that does nothing, of which there is one.
  return provider.getDelegate() !== new ProxyTracerProvider().getDelegate();
}

class OpenTelemetryTracer implements Tracer {
  readonly #parts: Parts;

  constructor(api: Api) {
    this.#parts = partsOf(api);
  }

  begin(kind: SpanKind, name: string, attributes: SpanAttributes, remote?: FieldPairs): OpenSpan {
    const parts = this.#parts;
    const { api, scope } = parts;
    const here = scope.active();
    if (remote === undefined) {
      const outer = api.trace.getSpan(here);
      if (outer !== undefined && isDropped(outer)) return new DroppedSpan(parts, outer, here);
    }
    const parent = remote === undefined || remote.length === 0 ? here : api.propagation.extract(here, remote, getter);
    return startSpan(parts, kind, name, attributes, parent);
  }
}

function startSpan(parts: Parts, kind: SpanKind, name: string, attributes: SpanAttributes, parent: Context): OpenSpan {
  const span = parts.tracer.startSpan(name, { kind: parts.kinds[kind], attributes }, parent);
  const context = parts.api.trace.setSpan(parent, span);
  const hasReader = span.isRecording() || !isDropped(span);
  return hasReader ? new RecordedSpan(parts, span, context) : new DroppedSpan(parts, span, context);
}

/** Whether a sampler has decided in this process that nobody wants a span, and so none of those below it. */
function isDropped(span: Span): boolean {
  const { traceFlags, isRemote } = span.spanContext();
  return (traceFlags & SAMPLED) === 0 && isRemote !== true;
}

/** A span of this process that a sampler has dropped, with its context. Its end does nothing. */
class DroppedSpan implements OpenSpan {
  readonly #parts: Parts;
  readonly #span: Span;
  readonly #context: Context;

  constructor(parts: Parts, span: Span, context: Context) {
    this.#parts = parts;
    this.#span = span;
    this.#context = context;
  }

  get isDropped(): boolean {
    return true;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get spanId(): string {
    return this.#span.spanContext().spanId;
  }

  get fields(): FieldPairs {
    const fields: [string, string][] = [];
    this.#parts.api.propagation.inject(this.#context, fields, setter);
    return fields;
  }

  begin(kind: SpanKind, name: string, attributes: SpanAttributes): OpenSpan {
    if (isDropped(this.#span)) return new DroppedSpan(this.#parts, this.#span, this.#context);
    return startSpan(this.#parts, kind, name, attributes, this.#context);
  }

  run<T>(work: () => T): T {
    const { scope } = this.#parts;
    // A turn below a span that is dropped is in the span's context already.
    return scope.active() === this.#context ? work() : scope.with(this.#context, work);
  }

  end(_attributes?: SpanAttributes, _failure?: string): void {}
}

class RecordedSpan extends DroppedSpan {
  readonly #parts: Parts;
  readonly #span: Span;

  constructor(parts: Parts, span: Span, context: Context) {
    super(parts, span, context);
    this.#parts = parts;
    this.#span = span;
  }

  override get isDropped(): boolean {
    return false;
  }

  override end(attributes?: SpanAttributes, failure?: string): void {
    const span = this.#span;
    if (attributes !== undefined) span.setAttributes(attributes);
    if (failure !== undefined) span.setStatus({ code: this.#parts.api.SpanStatusCode.ERROR, message: failure });
    span.end();
  }
}

/** Keeps the context of the running code. */
interface Scope {
  active(): Context;
  with<T>(context: Context, work: () => T): T;
}

type Parts = ReturnType<typeof partsOf>;

function partsOf(api: Api) {
  const { SpanKind } = api;
  const kinds = {
    server: SpanKind.SERVER,
    client: SpanKind.CLIENT,
    producer: SpanKind.PRODUCER,
    consumer: SpanKind.CONSUMER,
    internal: SpanKind.INTERNAL,
  } satisfies Record<SpanKind, number>;
  return { api, kinds, tracer: api.trace.getTracer('vivarium'), scope: scopeOf(api) };
}

/** OpenTelemetry's own, so that spans of the embedder are below ours; or one of ours, where no context manager is registered. */
function scopeOf({ context, createContextKey, ROOT_CONTEXT }: Api): Scope {
  const key = createContextKey('vivarium');
  if (context.with(ROOT_CONTEXT.setValue(key, true), () => context.active().getValue(key)) === true) {
    return { active: () => context.active(), with: (within, work) => context.with(within, work) };
  }
  const storage = new AsyncLocalStorage<Context>();
  return { active: () => storage.getStore() ?? ROOT_CONTEXT, with: (within, work) => storage.run(within, work) };
}
