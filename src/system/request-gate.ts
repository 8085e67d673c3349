import type { VivariumError } from '#core/errors';
import { MessagingError } from '#messaging';
import { RuntimeError } from '#runtime';

/** The number of requests that a component answers at a time, unless its bounds say another. */
export const MAX_CONCURRENT = 32;

/** The places that a gate hands over before the event loop runs: enough for all that end together, unless what they let in ends as well. */
const MAX_HANDED = 32;

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

/** Admits requests to one component in their order of arrival, up to `maxConcurrent` at a time. */
export class Gate {
  readonly #name: string;
  #maxConcurrent: number;
  #maxQueued: number;
  readonly #queue = new Set<() => void>();
  readonly #whenIdle = new Set<() => void>();
  #active = 0;
  /** The places that were handed over since the event loop last ran. */
  #handed = 0;
  #draining = false;

  constructor(name: string, { maxConcurrent = MAX_CONCURRENT, maxQueued = 128 }: RequestBounds = {}) {
    this.#name = name;
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
  }

  /** Changes the bounds. Requests that were admitted or wait stay, even if they are more than the new bounds allow. */
  resize({ maxConcurrent = MAX_CONCURRENT, maxQueued = 128 }: RequestBounds): void {
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
    for (const next of this.#queue) {
      if (this.#active >= maxConcurrent) break;
      this.#active += 1;
      this.#queue.delete(next);
      next();
    }
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

  /** Resolves when the request may begin. @throws `MESSAGING_QUEUE_FULL`, `RUNTIME_ABORTED`, `RUNTIME_WRONG_STATE` */
  enter(exchange: Waiting): Promise<void> | undefined {
    if (exchange.reason !== undefined) throw exchange.reason;
    if (this.#draining) {
      throw new RuntimeError('RUNTIME_WRONG_STATE', `${this.#name} is draining and takes no requests`);
    }
    if (this.#active < this.#maxConcurrent) {
      this.#active += 1;
      return undefined;
    }
    if (this.#queue.size >= this.#maxQueued) {
      const message = `${this.#name} answers ${this.#active} requests and ${this.#queue.size} wait, which is all that it may have; try again later`;
      throw new MessagingError('MESSAGING_QUEUE_FULL', message, { details: { component: this.#name } });
    }
    return new Promise((resolve, reject) => {
      const go = (): void => {
        exchange.onAbandoned = undefined;
        resolve();
      };
      exchange.onAbandoned = () => {
        this.#queue.delete(go);
        reject(exchange.reason);
      };
      this.#queue.add(go);
    });
  }

  /** Called when a request has ended; admits the next one in its place. */
  leave(): void {
    if (this.#queue.size > 0) {
      this.#handed += 1;
      if (this.#handed === 1) {
        setImmediate(() => {
          this.#handed = 0;
        });
      }
      // A request that ends at once must not start the next one for ever, without a timer or a signal being served between them.
      if (this.#handed > MAX_HANDED) {
        setImmediate(() => this.#handOver());
        return;
      }
    }
    this.#handOver();
  }

  #handOver(): void {
    const [next] = this.#queue;
    if (next === undefined || this.#active > this.#maxConcurrent) this.#active -= 1;
    else {
      this.#queue.delete(next);
      next();
    }
    if (this.open === 0) for (const idle of this.#whenIdle) idle();
  }
}
