// biome-ignore-all lint/complexity/noThisInStatic: Promise may be extended, so its static functions use the class on which they are called
import { isThenable } from '../turn.ts';
import { enqueueJob } from './jobs.ts';

type Resolve = (value: unknown) => void;
type Reject = (reason: unknown) => void;
type Handler = ((value: unknown) => unknown) | null | undefined;
type Reaction = {
  readonly fulfilled: Handler;
  readonly rejected: Handler;
  readonly resolve: Resolve;
  readonly reject: Reject;
};
type Constructor = new (executor: (resolve: Resolve, reject: Reject) => void) => GuestPromise;

/** Rejected promises that nothing handles yet. */
export const unhandled = new Set<GuestPromise>();

/**
 * `Promise` as specified by ECMAScript (section 27.2), on a job queue that can be run inside a call. esbuild turns asynchronous
 * functions into generators, so that they use this class too.
 */
export class GuestPromise {
  #state: 'pending' | 'fulfilled' | 'rejected' = 'pending';
  #value: unknown;
  #reactions: Reaction[] = [];
  #isHandled = false;

  static get [Symbol.species](): unknown {
    return this;
  }

  constructor(executor: (resolve: Resolve, reject: Reject) => void) {
    if (typeof executor !== 'function') throw new TypeError('Promise resolver is not a function');
    const { resolve, reject } = this.#resolvers();
    try {
      executor(resolve, reject);
    } catch (error) {
      reject(error);
    }
  }

  // biome-ignore lint/suspicious/noThenProperty: this is Promise
  then(fulfilled?: Handler, rejected?: Handler): GuestPromise {
    const { promise, resolve, reject } = capability(speciesOf(this));
    const reaction: Reaction = {
      fulfilled: typeof fulfilled === 'function' ? fulfilled : undefined,
      rejected: typeof rejected === 'function' ? rejected : undefined,
      resolve,
      reject,
    };
    if (this.#state === 'pending') this.#reactions.push(reaction);
    else this.#enqueue(reaction);
    this.#isHandled = true;
    unhandled.delete(this);
    return promise;
  }

  catch(rejected?: Handler): GuestPromise {
    return this.then(undefined, rejected);
  }

  finally(run?: unknown): GuestPromise {
    if (typeof run !== 'function') return this.then(run as Handler, run as Handler);
    const kind = speciesOf(this);
    const ran = (): GuestPromise => resolved(kind, run());
    return this.then(
      (value) => ran().then(() => value),
      (reason) =>
        ran().then(() => {
          throw reason;
        }),
    );
  }

  get [Symbol.toStringTag](): string {
    return 'Promise';
  }

  /** Returns a promise's state and marks it as handled; used by the event loop. */
  static stateOf(promise: GuestPromise): {
    readonly state: 'pending' | 'fulfilled' | 'rejected';
    readonly value: unknown;
  } {
    promise.#isHandled = true;
    unhandled.delete(promise);
    return { state: promise.#state, value: promise.#value };
  }

  #resolvers(): { resolve: Resolve; reject: Reject } {
    let done = false;
    return {
      resolve: (value) => {
        if (done) return;
        done = true;
        this.#resolve(value);
      },
      reject: (reason) => {
        if (done) return;
        done = true;
        this.#settle('rejected', reason);
      },
    };
  }

  #resolve(value: unknown): void {
    let then: unknown;
    try {
      if (value === this) throw new TypeError('a promise cannot be resolved with itself');
      const isObject = typeof value === 'object' && value !== null;
      then = isObject || typeof value === 'function' ? (value as { then?: unknown }).then : undefined;
    } catch (error) {
      this.#settle('rejected', error);
      return;
    }
    if (typeof then !== 'function') {
      this.#settle('fulfilled', value);
      return;
    }
    enqueueJob(() => {
      const { resolve, reject } = this.#resolvers();
      try {
        (then as (...args: unknown[]) => unknown).call(value, resolve, reject);
      } catch (error) {
        reject(error);
      }
    });
  }

  #settle(state: 'fulfilled' | 'rejected', value: unknown): void {
    this.#state = state;
    this.#value = value;
    const reactions = this.#reactions;
    this.#reactions = [];
    if (state === 'rejected' && !this.#isHandled) unhandled.add(this);
    for (const reaction of reactions) this.#enqueue(reaction);
  }

  #enqueue({ fulfilled, rejected, resolve, reject }: Reaction): void {
    const isFulfilled = this.#state === 'fulfilled';
    const handler = isFulfilled ? fulfilled : rejected;
    const value = this.#value;
    enqueueJob(() => {
      if (handler === undefined || handler === null) return isFulfilled ? resolve(value) : reject(value);
      let answer: unknown;
      try {
        answer = handler(value);
      } catch (error) {
        return reject(error);
      }
      resolve(answer);
    });
  }

  static resolve(this: Constructor, value?: unknown): GuestPromise {
    return resolved(this, value);
  }

  static reject(this: Constructor, reason?: unknown): GuestPromise {
    const { promise, reject } = capability(this);
    reject(reason);
    return promise;
  }

  static withResolvers(this: Constructor): { promise: GuestPromise; resolve: Resolve; reject: Reject } {
    return capability(this);
  }

  static try(this: Constructor, run: (...args: unknown[]) => unknown, ...args: unknown[]): GuestPromise {
    return new this((resolve) => resolve(run(...args)));
  }

  static all(this: Constructor, items: Iterable<unknown>): GuestPromise {
    return gathered(this, items, (take, { reject }) => [take, reject]);
  }

  static allSettled(this: Constructor, items: Iterable<unknown>): GuestPromise {
    return gathered(this, items, (take) => [
      (value) => take({ status: 'fulfilled', value }),
      (reason) => take({ status: 'rejected', reason }),
    ]);
  }

  static any(this: Constructor, items: Iterable<unknown>): GuestPromise {
    return gathered(
      this,
      items,
      (take, { resolve }) => [resolve, take],
      (errors, { reject }) => reject(new AggregateError(errors, 'All promises were rejected')),
    );
  }

  static race(this: Constructor, items: Iterable<unknown>): GuestPromise {
    const capable = capability(this);
    eachResolved(this, items, capable, (promise) => promise.then(capable.resolve, capable.reject));
    return capable.promise;
  }
}

type Capability = { promise: GuestPromise; resolve: Resolve; reject: Reject };
type Take = (value: unknown) => void;

function capability(kind: Constructor): Capability {
  let resolve: Resolve | undefined;
  let reject: Reject | undefined;
  const promise = new kind((first, second) => {
    resolve = first;
    reject = second;
  });
  if (typeof resolve !== 'function' || typeof reject !== 'function') throw new TypeError('no promise constructor');
  return { promise, resolve, reject };
}

function speciesOf(promise: GuestPromise): Constructor {
  const own = promise.constructor as unknown as Record<symbol, unknown> | undefined;
  return ((own === undefined ? undefined : own[Symbol.species]) ?? GuestPromise) as Constructor;
}

function resolved(kind: Constructor, value: unknown): GuestPromise {
  if (value instanceof GuestPromise && value.constructor === kind) return value;
  const { promise, resolve } = capability(kind);
  resolve(value);
  return promise;
}

/** Collects one value for each item, in the order of the items. */
function gathered(
  kind: Constructor,
  items: Iterable<unknown>,
  handlers: (take: Take, settle: Capability) => [fulfilled: Take, rejected: Take],
  done: (values: unknown[], settle: Capability) => void = (values, { resolve }) => resolve(values),
): GuestPromise {
  const capable = capability(kind);
  const values: unknown[] = [];
  let left = 1;
  const oneLess = (): void => {
    left -= 1;
    if (left === 0) done(values, capable);
  };
  eachResolved(kind, items, capable, (promise, index) => {
    values[index] = undefined;
    left += 1;
    let taken = false;
    const take = (value: unknown): void => {
      if (taken) return;
      taken = true;
      values[index] = value;
      oneLess();
    };
    promise.then(...handlers(take, capable));
  });
  oneLess();
  return capable.promise;
}

function eachResolved(
  kind: Constructor,
  items: Iterable<unknown>,
  { reject }: Capability,
  use: (promise: PromiseLike<unknown> & { then(...handlers: unknown[]): unknown }, index: number) => void,
): void {
  try {
    const { resolve } = kind as unknown as { resolve(value: unknown): never };
    let index = 0;
    for (const item of items) use(resolve.call(kind, item), index++);
  } catch (error) {
    reject(error);
  }
}

/** Converts any promise to a guest promise. The engine's own promises come from operations that only the engine implements. */
export function asGuestPromise(value: unknown): GuestPromise | undefined {
  if (value instanceof GuestPromise) return value;
  return isThenable(value) ? resolved(GuestPromise as unknown as Constructor, value) : undefined;
}
