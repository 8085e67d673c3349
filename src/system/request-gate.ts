import { MessagingError } from '#messaging';
import { aborted } from './ended.ts';

/** How many requests a component answers at a time, and how many may wait. */
export interface RequestBounds {
  /** The number of requests that the component answers at a time; 32 by default. */
  readonly maxConcurrent?: number;
  /** The number of requests that may wait for others to end; 128 by default. One more is refused with `MESSAGING_QUEUE_FULL`. */
  readonly maxQueued?: number;
}

/** Admits requests to one component in their order of arrival, up to `maxConcurrent` at a time. */
export class Gate {
  readonly #name: string;
  readonly #maxConcurrent: number;
  readonly #maxQueued: number;
  readonly #queue = new Set<() => void>();
  #active = 0;

  constructor(name: string, { maxConcurrent = 32, maxQueued = 128 }: RequestBounds = {}) {
    this.#name = name;
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
  }

  /** The number of requests that are being answered or wait. */
  get open(): number {
    return this.#active + this.#queue.size;
  }

  /** Resolves when the request may begin. @throws `MESSAGING_QUEUE_FULL`, `RUNTIME_ABORTED` */
  enter(signal: AbortSignal): Promise<void> | undefined {
    if (signal.aborted) throw aborted(signal);
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
        signal.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        this.#queue.delete(go);
        reject(aborted(signal));
      };
      this.#queue.add(go);
      signal.addEventListener('abort', stop, { once: true });
    });
  }

  /** Called when a request has ended; admits the next one in its place. */
  leave(): void {
    const [next] = this.#queue;
    if (next === undefined) this.#active -= 1;
    else {
      this.#queue.delete(next);
      next();
    }
  }
}
