import { formatComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import type { OutgoingMessage } from '#core/messages';
import type { MessageTurn } from '#core/ports/engine';
import type { CallBudget } from '#core/ports/meter';
import { type OpenSpan, type Tracer, withTraceOf } from '#core/ports/tracing';
import { Later } from '#core/waiting';
import type { LogRecord } from '#runtime/host';
import { Store, type StoreParts } from './store.ts';

/** A store whose turns are spans. It is a class of its own, so that a runtime without a tracer does not even ask for one. */
export class TracedStore extends Store {
  readonly #tracer: Tracer;
  readonly #id: string;
  #span: OpenSpan | undefined;
  readonly #isShared: boolean;
  #isStarting = false;
  /** The number of calls that run. */
  #open = 0;

  constructor(parts: StoreParts, tracer: Tracer) {
    super({ ...parts, log: (record) => parts.log(this.#traced(record)) });
    this.#tracer = tracer;
    this.#isShared = parts.concurrency > 1;
    this.#id = formatComponentId(parts.handle.id);
  }

  /** The span of the turn that runs; undefined while several run side by side, because nothing tells which of them calls. */
  override get span(): OpenSpan | undefined {
    return this.#isShared && this.#open > 1 ? undefined : this.#span;
  }

  override instantiate(budget: CallBudget): void {
    this.#isStarting = true;
    try {
      super.instantiate(budget);
    } finally {
      this.#isStarting = false;
    }
  }

  override call<A, T>(
    budget: CallBudget,
    run: (store: Store, argument: A) => MessageTurn<T>,
    argument: A,
    now?: number,
  ): MessageTurn<T> {
    // Instantiation belongs to what the component was loaded or called for, and runs no function of its own.
    if (this.#isStarting) return super.call(budget, run, argument, now);
    const span = this.#tracer.begin('internal', `turn ${this.#id}`, { 'vivarium.component': this.#id });
    this.#open += 1;
    this.#span = span;
    let value: MessageTurn<T>;
    try {
      value = span.run(() => super.call(budget, run, argument, now));
    } catch (error) {
      this.#ended(span, error);
      throw error;
    }
    if (!(value instanceof Promise || value instanceof Later)) {
      this.#ended(span, undefined);
      return value;
    }
    return value.then(
      (answer) => {
        this.#ended(span, undefined);
        return answer;
      },
      (error) => {
        this.#ended(span, error);
        throw error;
      },
    );
  }

  override handleMessage(message: OutgoingMessage): MessageTurn<Uint8Array | undefined> {
    return super.handleMessage(this.#withContext(message));
  }

  override handleCallback(message: OutgoingMessage): MessageTurn<void> {
    return super.handleCallback(this.#withContext(message));
  }

  /** The guest finds the context of its turn among the headers of the message, as a handler does among those of its request. */
  #withContext(message: OutgoingMessage): OutgoingMessage {
    const { sender, payload, metadata } = message;
    const { span } = this;
    if (span === undefined) return message;
    return { sender, payload, metadata: { ...metadata, headers: withTraceOf(span, metadata.headers) } };
  }

  #traced(record: LogRecord): LogRecord {
    const { span } = this;
    return span === undefined ? record : { ...record, trace: { traceId: span.traceId, spanId: span.spanId } };
  }

  #ended(span: OpenSpan, error: unknown): void {
    this.#open -= 1;
    // A turn that begins in the same task as the last one's end has a span of its own by now.
    if (this.#span === span) this.#span = undefined;
    const failure = error === undefined ? undefined : isVivariumError(error) ? error.code : 'the turn failed';
    span.end({ 'vivarium.fuel': Number(this.usage.callFuel) }, failure);
  }
}
