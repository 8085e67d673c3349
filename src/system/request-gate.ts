import type { VivariumError } from '#core/errors';
import { Chain, type Linked } from '#core/queue';
import { MessagingError } from '#messaging';
import { RuntimeError } from '#runtime';
import type { Paced, RequestPace } from './request-pace.ts';

/** The number of requests that a component answers at a time, unless its bounds say another. */
export const MAX_CONCURRENT = 32;

/** The number of requests that may wait, unless a component's bounds say another. */
const MAX_QUEUED = 128;

/** How many requests a component answers at a time, and how many may wait. */
export interface RequestBounds {
  /** The number of requests that the component answers at a time; 32 by default, or `concurrency` where that is more. */
  readonly maxConcurrent?: number;
  /** The number of requests that may wait for others to end; 128 by default. One more is refused with `MESSAGING_QUEUE_FULL`. */
  readonly maxQueued?: number;
}

/** A request that may have to wait. */
export interface Waiting {
  /** Why nobody wants the answer any more. */
  readonly reason: VivariumError | undefined;
  /** Called once when `reason` is set. */
  onAbandoned: (() => void) | undefined;
}

/** A request that waits to be let in. */
class InLine implements Linked<InLine> {
  before: InLine | undefined = undefined;
  behind: InLine | undefined = undefined;
  readonly letIn: () => void;

  constructor(letIn: () => void) {
    this.letIn = letIn;
  }
}

/** Admits requests to one component in their order of arrival, up to `maxConcurrent` at a time, at the pace of its runtime. */
export class Gate implements Paced {
  readonly #name: string;
  readonly #pace: RequestPace;
  #maxConcurrent: number;
  #maxQueued: number;
  readonly #queue = new Chain<InLine>();
  readonly #whenIdle = new Set<() => void>();
  #active = 0;
  #draining = false;
  /** Only the pace uses these three. */
  before: Paced | undefined = undefined;
  behind: Paced | undefined = undefined;
  round = 0;

  constructor(
    name: string,
    pace: RequestPace,
    { maxConcurrent = MAX_CONCURRENT, maxQueued = MAX_QUEUED }: RequestBounds = {},
  ) {
    this.#name = name;
    this.#pace = pace;
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
  }

  /** Changes the bounds. Requests that were admitted or wait stay, even if they are more than the new bounds allow. */
  resize({ maxConcurrent = MAX_CONCURRENT, maxQueued = MAX_QUEUED }: RequestBounds): void {
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
    if (this.mayBegin) this.#pace.wait(this);
  }

  /** Refuses new requests, and resolves when no request is left. */
  drain(): Promise<void> {
    this.#draining = true;
    return this.open === 0 ? Promise.resolve() : new Promise((resolve) => void this.#whenIdle.add(resolve));
  }

  /** The number of requests that are being answered or wait. */
  get open(): number {
    return this.#active + this.#queue.size;
  }

  /** Whether it has all requests that it may have, so that one more is refused. */
  get isFull(): boolean {
    return this.open >= this.#maxConcurrent + this.#maxQueued;
  }

  get mayBegin(): boolean {
    return this.#queue.size > 0 && this.#active < this.#maxConcurrent;
  }

  /** Resolves when the request may begin. @throws `MESSAGING_QUEUE_FULL`, `RUNTIME_ABORTED`, `RUNTIME_WRONG_STATE` */
  enter(exchange: Waiting): Promise<void> | undefined {
    if (exchange.reason !== undefined) throw exchange.reason;
    if (this.#draining) {
      throw new RuntimeError('RUNTIME_WRONG_STATE', `${this.#name} is draining and takes no requests`);
    }
    if (this.isFull) {
      const message = `${this.#name} answers ${this.#active} requests and ${this.#queue.size} wait, which is all that it may have; try again later`;
      throw new MessagingError('MESSAGING_QUEUE_FULL', message, { details: { component: this.#name } });
    }
    if (this.#queue.size === 0 && this.#active < this.#maxConcurrent && this.#pace.begins(this)) {
      this.#active += 1;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      const waits = new InLine(() => {
        exchange.onAbandoned = undefined;
        resolve();
      });
      const abandoned = (): void => {
        this.#queue.delete(waits);
        reject(exchange.reason);
        this.#noticeIdle();
      };
      exchange.onAbandoned = abandoned;
      this.#queue.add(waits);
      if (this.mayBegin) this.#pace.wait(this);
    });
  }

  /** Lets the request in that waits first. */
  begin(): void {
    const { first } = this.#queue;
    if (first === undefined) return;
    this.#queue.delete(first);
    this.#active += 1;
    first.letIn();
  }

  /** Called when a request has ended. */
  leave(): void {
    this.#active -= 1;
    if (this.mayBegin) this.#pace.wait(this);
    this.#noticeIdle();
  }

  #noticeIdle(): void {
    if (this.open === 0) for (const idle of this.#whenIdle) idle();
  }
}
