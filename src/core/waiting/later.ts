/** What is told how a `Later` has ended. */
export interface LaterListener {
  /** Called once, at once when the value is there. Must not throw. */
  laterAnswered(value: unknown): void;
  laterFailed(reason: unknown): void;
}

/** Whether it has ended, and whether somebody listens. `told`: it has ended, and its listener knows. */
type State = 'open' | 'listened' | 'answered' | 'failed' | 'told';

/**
 * A value that comes later, for one listener, who is called as soon as it is there. A promise calls back by way of the
 * queue of microtasks and is several objects, both of which a turn that waits would pay for at each step. `then` makes
 * a promise of it, for whoever has no listener. Thousands may wait, so the class has no methods that begin with `#`, for which V8 keeps a
 * field in each object.
 */
export class Later<T> implements PromiseLike<T> {
  #state: State = 'open';
  /** The listener or, where it has ended and nobody was told, its outcome. */
  #held: unknown = undefined;
  #failureOf: ((reason: unknown) => unknown) | undefined = undefined;

  /** Ends it with its value. Does nothing where it has ended. */
  answer(value: T): void {
    if (this.#state === 'listened') this.takeListener().laterAnswered(value);
    else this.keep('answered', value);
  }

  /** Ends it with a reason in place of a value. Does nothing where it has ended. */
  fail(reason: unknown): void {
    if (this.#state === 'listened') this.tellFailure(this.takeListener(), reason);
    else this.keep('failed', reason);
  }

  private keep(state: 'answered' | 'failed', outcome: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = state;
    this.#held = outcome;
  }

  private takeListener(): LaterListener {
    const listener = this.#held as LaterListener;
    this.#state = 'told';
    this.#held = undefined;
    return listener;
  }

  /** Sets what the listener is told in place of the reason. */
  failingAs(failureOf: (reason: unknown) => unknown): this {
    this.#failureOf = failureOf;
    return this;
  }

  /** Sets the one listener. Where the value is there already, the listener is called before this returns. */
  listen(listener: LaterListener): void {
    const state = this.#state;
    const outcome = this.#held;
    if (state === 'listened' || state === 'told') throw new Error('a later value has one listener');
    this.#state = state === 'open' ? 'listened' : 'told';
    this.#held = state === 'open' ? listener : undefined;
    if (state === 'answered') listener.laterAnswered(outcome);
    else if (state === 'failed') this.tellFailure(listener, outcome);
  }

  private tellFailure(listener: LaterListener, reason: unknown): void {
    listener.laterFailed(this.#failureOf === undefined ? reason : this.#failureOf(reason));
  }

  /** Nobody wants the value any more. */
  drop(): void {}

  /** A promise for the value, in place of a listener. */
  promise(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.listen({ laterAnswered: resolve as (value: unknown) => void, laterFailed: reject });
    });
  }

  // biome-ignore lint/suspicious/noThenProperty: whoever awaits it, as a promise, must get the value.
  then<A = T, B = never>(
    kept?: ((value: T) => A | PromiseLike<A>) | null,
    broken?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.promise().then(kept, broken);
  }
}
