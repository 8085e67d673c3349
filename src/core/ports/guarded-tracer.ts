import type { FieldPairs } from '#core/waiting';
import type { OpenSpan, SpanAttributes, SpanKind, Tracer } from './tracing.ts';

/** A span that stands for none: of a tracer that could not begin it. */
const NO_SPAN: OpenSpan = {
  traceId: '',
  spanId: '',
  isDropped: true,
  fields: [],
  begin: () => NO_SPAN,
  run: (work) => work(),
  end: () => {},
};

/**
 * Makes a tracer that never fails, of one that somebody else wrote: whatever it throws, answers or rejects, the traced work goes on
 * as if it were not traced.
 * @param onFailure told the first failure only, since a broken tracer usually fails at every span
 */
export function guardedTracer(tracer: Tracer, onFailure: (error: unknown) => void): Tracer {
  return tracer instanceof GuardedTracer ? tracer : new GuardedTracer(tracer, onFailure);
}

class GuardedTracer implements Tracer {
  readonly #tracer: Tracer;
  readonly #onFailure: (error: unknown) => void;
  #hasFailed = false;

  constructor(tracer: Tracer, onFailure: (error: unknown) => void) {
    this.#tracer = tracer;
    this.#onFailure = onFailure;
  }

  begin(kind: SpanKind, name: string, attributes: SpanAttributes, remote?: FieldPairs): OpenSpan {
    try {
      return this.guarded(this.#tracer.begin(kind, name, attributes, remote));
    } catch (error) {
      this.failed(error);
      return NO_SPAN;
    }
  }

  /** @param span what the tracer answered as a span */
  guarded(span: unknown): OpenSpan {
    if (typeof span === 'object' && span !== null) return new GuardedSpan(this, span as OpenSpan);
    this.failed(new TypeError('the tracer began a span and answered none'));
    return NO_SPAN;
  }

  /** Takes what a function answered that should answer nothing. One that is asynchronous would otherwise end the process when it fails. */
  forget(answer: unknown): void {
    if (answer instanceof Promise) answer.catch(this.failed);
  }

  readonly failed = (error: unknown): void => {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onFailure(error);
  };
}

class GuardedSpan implements OpenSpan {
  readonly #tracer: GuardedTracer;
  readonly #span: OpenSpan;

  constructor(tracer: GuardedTracer, span: OpenSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get traceId(): string {
    return this.#text('traceId');
  }

  get spanId(): string {
    return this.#text('spanId');
  }

  get isDropped(): boolean {
    try {
      return this.#span.isDropped === true;
    } catch (error) {
      this.#tracer.failed(error);
      return true;
    }
  }

  get fields(): FieldPairs {
    try {
      const { fields } = this.#span;
      if (Array.isArray(fields) && fields.every(isPair)) return fields;
      throw new TypeError('the tracer answered a span with fields that are no pairs of texts');
    } catch (error) {
      this.#tracer.failed(error);
      return [];
    }
  }

  begin(kind: SpanKind, name: string, attributes: SpanAttributes): OpenSpan {
    try {
      return this.#tracer.guarded(this.#span.begin(kind, name, attributes));
    } catch (error) {
      this.#tracer.failed(error);
      return NO_SPAN;
    }
  }

  run<T>(work: () => T): T {
    let ended: Ended<T> | undefined;
    const once = (): T => {
      ended ??= endOf(work);
      if ('error' in ended) throw ended.error;
      return ended.value;
    };
    try {
      const answer: unknown = this.#span.run(once);
      // The promise of the work is for whoever asked for the work.
      if (ended === undefined || !('value' in ended) || answer !== ended.value) this.#tracer.forget(answer);
    } catch (error) {
      // The work's own error comes through here as well, and is no failure of the tracer.
      if (ended === undefined || !('error' in ended) || ended.error !== error) this.#tracer.failed(error);
    }
    return once();
  }

  end(attributes?: SpanAttributes, failure?: string): void {
    try {
      this.#tracer.forget(this.#span.end(attributes, failure));
    } catch (error) {
      this.#tracer.failed(error);
    }
  }

  #text(name: 'traceId' | 'spanId'): string {
    try {
      const text: unknown = this.#span[name];
      return typeof text === 'string' ? text : '';
    } catch (error) {
      this.#tracer.failed(error);
      return '';
    }
  }
}

type Ended<T> = { readonly value: T } | { readonly error: unknown };

function endOf<T>(work: () => T): Ended<T> {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

function isPair(field: unknown): boolean {
  return Array.isArray(field) && typeof field[0] === 'string' && typeof field[1] === 'string';
}
