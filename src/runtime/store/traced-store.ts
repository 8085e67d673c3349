import { formatComponentId } from '#core';
import { isVivariumError } from '#core/errors';
import type { OutgoingMessage } from '#core/messages';
import type { MessageTurn } from '#core/ports/engine';
import type { CallBudget } from '#core/ports/meter';
import { type OpenSpan, type SpanAttributes, type Tracer, withTraceOf } from '#core/ports/tracing';
import { Later } from '#core/waiting';
import type { LogRecord } from '#runtime/host';
import type { SharedCall } from './shared-call.ts';
import { Store, type StoreParts } from './store.ts';

/** A store whose turns are spans. It is a class of its own, so that a runtime without a tracer does not even ask for one. */
export class TracedStore extends Store {
  readonly #tracer: Tracer;
  readonly #name: string;
  readonly #attributes: SpanAttributes;
  #span: OpenSpan | undefined;
  /** The spans of calls that may run beside others. */
  readonly #spans = new WeakMap<SharedCall, OpenSpan>();
  #isStarting = false;
  #requestSpan: OpenSpan | undefined;

  constructor(parts: StoreParts, tracer: Tracer) {
    super({ ...parts, log: (record) => parts.log(this.#traced(record)) });
    this.#tracer = tracer;
    const id = formatComponentId(parts.handle.id);
    this.#name = `turn ${id}`;
    this.#attributes = { 'vivarium.component': id };
  }

  /** The span of the call that begins, or for which guest code runs. */
  override get span(): OpenSpan | undefined {
    const call = this.sideBySide?.beginning ?? this.sideBySide?.charged;
    return call === undefined ? this.#span : this.#spans.get(call);
  }

  override answersBelow(span: OpenSpan | undefined): void {
    this.#requestSpan = span;
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
    const request = this.#requestSpan;
    this.#requestSpan = undefined;
    // The server runs the request in the context of its span, below which every span would be dropped as well.
    if (request?.isDropped === true && this.sideBySide === undefined) {
      this.#span = request;
      return super.call(budget, run, argument, now);
    }
    const span = this.#tracer.begin('internal', this.#name, this.#attributes);
    this.#span = span;
    // Nobody is told of the end of a dropped span, and the next turn replaces it.
    if (span.isDropped === true && this.sideBySide === undefined) {
      return span.run(() => super.call(budget, run, argument, now));
    }
    let call: SharedCall | undefined;
    const spanned = (store: Store, given: A): MessageTurn<T> => {
      call = this.sideBySide?.beginning;
      if (call !== undefined) this.#spans.set(call, span);
      return run(store, given);
    };
    let value: MessageTurn<T>;
    try {
      value = span.run(() => super.call(budget, spanned, argument, now));
    } catch (error) {
      this.#ended(span, call, error);
      throw error;
    }
    if (!(value instanceof Promise || value instanceof Later)) {
      this.#ended(span, call, undefined);
      return value;
    }
    return value.then(
      (answer) => {
        this.#ended(span, call, undefined);
        return answer;
      },
      (error) => {
        this.#ended(span, call, error);
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

  #ended(span: OpenSpan, call: SharedCall | undefined, error: unknown): void {
    // A turn that begins in the same task as the last one's end has a span of its own by now.
    if (this.#span === span) this.#span = undefined;
    const failure = error === undefined ? undefined : isVivariumError(error) ? error.code : 'the turn failed';
    span.end({ 'vivarium.fuel': Number(call === undefined ? this.usage.callFuel : this.fuelOf(call)) }, failure);
  }
}
