import { messageOf } from '#core/errors';
import type { OpenSpan } from '#core/ports/tracing';
import { Later, onAbort, type Unsubscribe } from '#core/waiting';
import { MOST_OF_TEXT } from './call-attributes.ts';
import { Continuation } from './continuation.ts';
import type { HostState } from './host-state.ts';
import { cancellable, cancelPending } from './host-waits.ts';

/** Whether a host function answers later. */
export function comesLater(answer: unknown): answer is Later<unknown> | Promise<unknown> {
  return answer instanceof Promise || answer instanceof Later;
}

/** The span of one call, which ends once, with the call or with its store. */
export class CallSpan {
  readonly #caller: HostState;
  readonly #span: OpenSpan;
  #hasEnded = false;
  #unlisten: Unsubscribe | undefined;

  constructor(caller: HostState, span: OpenSpan) {
    this.#caller = caller;
    this.#span = span;
  }

  /** Makes the call, or what is left of it, and answers what it answers. */
  around(call: () => unknown): unknown {
    let answer: unknown;
    try {
      answer = this.#span.run(call);
    } catch (thrown) {
      this.#end(thrown);
      throw thrown;
    }
    if (comesLater(answer)) return this.follow(answer);
    this.#end();
    return answer;
  }

  /** Ends with what comes later. Answers a promise of the same, which can be cancelled as that can. */
  follow(later: Later<unknown> | Promise<unknown>): Promise<unknown> {
    // A later value has one listener, which is the promise that takes its place here.
    const promise = later instanceof Later ? later.promise() : later;
    const followed = promise.then(
      (value) => {
        if (value instanceof Continuation) return this.#continued(value);
        this.#end();
        return value;
      },
      (thrown) => {
        this.#end(thrown);
        throw thrown;
      },
    );
    return cancellable(followed, () => {
      this.#end();
      if (later instanceof Later) later.drop();
      else cancelPending(later);
    });
  }

  /** The rest of the call runs in the turn that waited, unless that has ended meanwhile. */
  #continued({ run }: Continuation): Continuation {
    const { ending } = this.#caller;
    if (ending.aborted) this.#end();
    else this.#unlisten = onAbort(ending, () => this.#end());
    return new Continuation(() => this.around(run));
  }

  #end(...failure: [] | [unknown]): void {
    this.#unlisten?.();
    this.#unlisten = undefined;
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (failure.length === 0) this.#span.end();
    else this.#span.end({}, failureOf(failure[0]));
  }
}

/** The case of the function's error in WIT, or the message of an error that ends the store. */
function failureOf(thrown: unknown): string {
  const isCase = typeof thrown === 'object' && thrown !== null && 'tag' in thrown;
  const text = isCase ? String(thrown.tag) : typeof thrown === 'string' ? thrown : messageOf(thrown);
  return text.slice(0, MOST_OF_TEXT);
}
