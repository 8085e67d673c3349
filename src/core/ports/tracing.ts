import type { FieldPairs } from '#core/waiting';

/** What a span stands for, as OpenTelemetry names it. */
export type SpanKind = 'server' | 'client' | 'producer' | 'consumer' | 'internal';

/** Facts about a span. Text of guests and clients among them is cut by who gives it. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** The header fields of W3C Trace Context and W3C Baggage. */
const TRACE_FIELDS: ReadonlySet<string> = new Set(['traceparent', 'tracestate', 'baggage']);

const LENGTHS: ReadonlySet<number> = new Set([...TRACE_FIELDS].map((name) => name.length));

/** Whether a header's name in lower case is one of `TRACE_FIELDS`. Names that a parser has just made cost a set of texts much more than one of numbers. */
export function isTraceField(name: string): boolean {
  return LENGTHS.has(name.length) && TRACE_FIELDS.has(name);
}

/** A span that has begun. */
export interface OpenSpan {
  /** The span's identifiers as hex digits: 32 of the trace, 16 of the span. */
  readonly traceId: string;
  readonly spanId: string;
  /** Whether a sampler has dropped the span: attributes and its end reach nobody, so that callers can spare them. */
  readonly isDropped?: boolean | undefined;
  /** The span's context as the header fields that carry it to others. */
  readonly fields: FieldPairs;
  /** Begins a child of this span, whatever code runs. */
  begin(kind: SpanKind, name: string, attributes: SpanAttributes): OpenSpan;
  /** Runs code in the span's context: spans that begin there are its children, and messages sent there carry it. */
  run<T>(work: () => T): T;
  /** @param failure why the work failed; undefined if it did not */
  end(attributes?: SpanAttributes, failure?: string): void;
}

/** Traces what a server and a runtime do. Who has no tracer pays nothing. */
export interface Tracer {
  /**
   * Begins a span below that in whose context the running code is.
   * @param remote header fields of a client, whose trace context is the parent instead if it is valid
   */
  begin(kind: SpanKind, name: string, attributes: SpanAttributes, remote?: FieldPairs): OpenSpan;
}

/** Puts a span's context into header fields that come from elsewhere, in place of the context in them. */
export function withTraceOf(span: OpenSpan, fields: FieldPairs): FieldPairs {
  const { fields: own } = span;
  return own.length === 0 ? fields : [...fields.filter(([name]) => !isTraceField(name)), ...own];
}
