/** What is told how a `Later` has ended. */
export interface LaterListener {
  /** Called once, at once when the value is there. Must not throw. */
  laterAnswered(value: unknown): void;
  laterFailed(reason: unknown): void;
}

type End = 'answered' | 'failed';

/**
 * A value that comes later, for one listener, who is called as soon as it is there. A promise calls back by way of the
 * queue of microtasks and is several objects, both of which a turn that waits would pay for at each step. `then` makes
 * a promise of it, for whoever has no listener.
 */
export class Later<T> implements PromiseLike<T> {
  #end: End | undefined = undefined;
  #outcome: unknown = undefined;
  #listener: LaterListener | undefined = undefined;
  #failureOf: ((reason: unknown) => unknown) | undefined = undefined;

  /** Ends it with its value. Does nothing where it has ended. */
  answer(value: T): void {
    if (this.#end !== undefined) return;
    this.#end = 'answered';
    if (this.#listener === undefined) this.#outcome = value;
    else this.#listener.laterAnswered(value);
  }

  /** Ends it with a reason in place of a value. Does nothing where it has ended. */
  fail(reason: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = 'failed';
    if (this.#listener === undefined) this.#outcome = reason;
    else this.#tellFailure(this.#listener, reason);
  }

  /** Sets what the listener is told in place of the reason. */
  failingAs(failureOf: (reason: unknown) => unknown): this {
    this.#failureOf = failureOf;
    return this;
  }

  /** Sets the one listener. Where the value is there already, the listener is called before this returns. */
  listen(listener: LaterListener): void {
    if (this.#listener !== undefined) throw new Error('a later value has one listener');
    this.#listener = listener;
    const outcome = this.#outcome;
    this.#outcome = undefined;
    if (this.#end === 'answered') listener.laterAnswered(outcome);
    else if (this.#end === 'failed') this.#tellFailure(listener, outcome);
  }

  #tellFailure(listener: LaterListener, reason: unknown): void {
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
