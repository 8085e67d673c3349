import { type ComponentHandle, formatComponentId, HOST_ID } from '#core';
import { messageOf, rejection, type VivariumError } from '#core/errors';
import { type ComponentMessage, readableMessage } from '#core/messages';
import { allow, checkOptions } from '#core/options';
import type { ActorCell, PendingRequest, TurnRunner } from './actor-cell.ts';
import { FIELDS, type MessageFields, notFound } from './delivery.ts';
import { MessagingError } from './errors.ts';
import { checkMailbox, type MailboxOptions } from './mailbox.ts';
import type { Resolve } from './requests.ts';
import type { Router } from './router.ts';
import { checkTopic } from './topics.ts';

export interface RequestOptions extends MessageFields {
  /** Milliseconds until `MESSAGING_TIMEOUT`; the runtime's default when left out. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SubscribeOptions {
  /** The limits of messages that wait for the listener, as for an actor's mailbox. */
  readonly mailbox?: MailboxOptions | undefined;
}

const REQUEST: allow.OptionRules<RequestOptions> = {
  ...FIELDS,
  timeoutMs: allow.rule('a number of milliseconds', (value) => typeof value === 'number' && !Number.isNaN(value)),
  signal: allow.signal,
};
const REQUEST_RULE = allow.options(REQUEST);
const FIELDS_RULE = allow.options(FIELDS);
const SUBSCRIBE: allow.OptionRules<SubscribeOptions> = { mailbox: allow.anything };
const SUBSCRIBE_RULE = allow.options(SUBSCRIBE);

/**
 * Rejects invalid options of a request. Every request with options is checked here, so the two most common forms have
 * short cuts: only a time, or only the content type of a typed handle.
 * @throws {CoreError} `CORE_INVALID_OPTION`
 */
export function checkRequest(options: RequestOptions): void {
  if (options !== null && options.signal === undefined && options.headers === undefined) {
    const { timeoutMs, contentType } = options;
    if (contentType === undefined ? timeoutMs !== undefined : typeof contentType === 'string') {
      if (timeoutMs === undefined || (typeof timeoutMs === 'number' && !Number.isNaN(timeoutMs))) return;
    }
  }
  checkOptions(options, REQUEST_RULE);
}

/** Called with one message at a time. If it returns a promise, the next message waits until the promise is settled. */
export type TopicListener = (message: ComponentMessage) => void | Promise<void>;

/** A topic as the embedder sees it. */
export interface HostTopic {
  /** Returns a function that ends the subscription. */
  subscribe(listener: TopicListener, options?: SubscribeOptions): Promise<() => Promise<void>>;
  /** Returns how many subscribers accepted the message. */
  publish(payload: Uint8Array, fields?: MessageFields): Promise<number>;
}

/** The errors that the embedder supplies in place of messaging's own. */
export interface HostErrors {
  /** Returns the error of a request whose signal was aborted. */
  aborted(signal: AbortSignal): VivariumError;
  /** Returns the error of a message to an actor that does not exist or has failed permanently. */
  unusable(handle: ComponentHandle): VivariumError;
}

const NO_OPTIONS: RequestOptions = Object.freeze({});

/**
 * What the embedder can do with messages; its id as a sender is `vivarium/host/0`. Payloads are not copied, so do not
 * modify them after the call.
 */
export class HostMessaging {
  readonly #router: Router;
  readonly #errors: HostErrors;

  constructor(router: Router, errors: HostErrors = OWN_ERRORS) {
    this.#router = router;
    this.#errors = errors;
  }

  /** Resolves when the message is in the mailbox. @throws {MessagingError} */
  send(handle: ComponentHandle, payload: Uint8Array, fields?: MessageFields): Promise<void> {
    return new Promise((resolve, reject) => {
      const cell = this.#target(handle, payload);
      const { delivery } = this.#router;
      const envelope = delivery.message(HOST_ID, undefined, payload, fields, undefined, undefined);
      if (cell.mailbox.overflow === 'wait') delivery.postOrWait(cell, envelope, resolve, reject);
      else {
        delivery.post(cell, envelope);
        resolve();
      }
    });
  }

  /**
   * Resolves with the answer, which is the result of the actor's turn. @throws {MessagingError}, or the error that
   * ended the turn
   */
  request(
    handle: ComponentHandle,
    payload: Uint8Array,
    options: RequestOptions = NO_OPTIONS,
  ): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      if (options !== NO_OPTIONS) checkRequest(options);
      const cell = this.#target(handle, payload);
      const { signal } = options;
      if (signal?.aborted) throw this.#errors.aborted(signal);
      const request = this.#router.requests.openPromise(
        cell,
        options.timeoutMs ?? this.#router.requestTimeoutMs,
        resolve,
      );
      this.#post(cell, payload, options, request);
      if (signal !== undefined) this.#abortWith(signal, request, resolve);
    });
  }

  topic(name: string): HostTopic {
    const topic = checkTopic(name);
    return {
      subscribe: async (listener, options = {}) => {
        checkOptions(listener ?? null, allow.func, 'listener');
        checkOptions(options, SUBSCRIBE_RULE);
        checkMailbox(options.mailbox);
        return this.#subscribe(topic, listener, options);
      },
      publish: async (payload, fields) => {
        this.#refuseWhenClosing();
        checkPayload(payload);
        checkOptions(fields, FIELDS_RULE);
        return this.#router.publish(HOST_ID, undefined, topic, payload, fields);
      },
    };
  }

  #post(cell: ActorCell, payload: Uint8Array, fields: MessageFields, request: PendingRequest): void {
    const { delivery, requests } = this.#router;
    try {
      const envelope = delivery.message(HOST_ID, undefined, payload, fields, request, undefined);
      if (cell.mailbox.overflow === 'wait') {
        delivery.postOrWait(
          cell,
          envelope,
          () => {},
          (error) => requests.fail(request, error),
        );
      } else delivery.post(cell, envelope);
    } catch (error) {
      requests.withdraw(request);
      throw error;
    }
  }

  #abortWith(signal: AbortSignal, request: PendingRequest, resolve: Resolve): void {
    const onAbort = (): void => {
      const error = this.#errors.aborted(signal);
      this.#router.requests.cancel(request, error);
      resolve(rejection(error));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const done = (): void => signal.removeEventListener('abort', onAbort);
    const answer = (reply: Uint8Array | undefined): void => {
      done();
      resolve(reply);
    };
    const fail = (error: unknown): void => {
      done();
      resolve(rejection(error));
    };
    request.answer = answer;
    request.fail = fail;
  }

  #subscribe(topic: string, listener: TopicListener, options: SubscribeOptions): () => Promise<void> {
    const runner: TurnRunner = {
      callHandleMessage: (_handle, message) => {
        const result = listener(readableMessage(message));
        return result instanceof Promise ? result.then(() => undefined) : undefined;
      },
      callHandleCallback: () => {},
    };
    const cell = this.#router.addListener(runner, options.mailbox);
    this.#router.topics.subscribe(cell, topic);
    return async () => {
      this.#router.dispose(cell, new MessagingError('MESSAGING_CANCELLED', `the listener to ${topic} was removed`));
    };
  }

  #target(handle: ComponentHandle, payload: Uint8Array): ActorCell {
    this.#refuseWhenClosing();
    checkPayload(payload);
    const cell = this.#router.find(handle);
    if (cell === undefined || cell.failed) throw this.#errors.unusable(handle);
    return cell;
  }

  #refuseWhenClosing(): void {
    if (this.#router.closing) {
      throw new MessagingError('MESSAGING_UNAVAILABLE', 'the runtime is being closed and takes no more messages');
    }
  }
}

function checkPayload(payload: unknown): void {
  if (payload instanceof Uint8Array) return;
  throw new MessagingError(
    'MESSAGING_INVALID',
    `a payload must be a Uint8Array, not ${payload === null ? 'null' : typeof payload}`,
  );
}

const OWN_ERRORS: HostErrors = {
  aborted(signal) {
    const message = `the request was cancelled by its signal: ${messageOf(signal.reason)}`;
    return new MessagingError('MESSAGING_CANCELLED', message, { cause: signal.reason });
  },
  unusable: (handle) => notFound(formatComponentId(handle.id)),
};
