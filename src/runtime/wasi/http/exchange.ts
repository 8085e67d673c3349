import type { HttpResponse } from '#core';
import type { HostState } from '../../host-state.ts';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';

/** Exchanges of one store that hold a connection or an answer at a time. */
const MAX_OPEN = 8;

const open = new WeakMap<HostState, number>();

type Outcome =
  | { readonly tag: 'ok'; readonly val: HttpResponse }
  | { readonly tag: 'err'; readonly val: HttpErrorCode };

/** One request on its way, or its answer, until the guest lets go of it. It ends with its store. */
export class Exchange {
  readonly #state: HostState;
  readonly #stop = new AbortController();
  #outcome: Outcome | undefined;
  #released = false;

  /** @throws `connection-limit-reached` */
  constructor(state: HostState) {
    const before = open.get(state) ?? 0;
    if (before >= MAX_OPEN) throw { tag: 'connection-limit-reached' } satisfies HttpErrorCode;
    open.set(state, before + 1);
    this.#state = state;
  }

  /** Undefined as long as nothing has come. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  begin(send: (signal: AbortSignal) => Promise<HttpResponse>): void {
    send(AbortSignal.any([this.#stop.signal, this.#state.ending])).then(
      (val) => this.#settle({ tag: 'ok', val }),
      (error) => this.#settle({ tag: 'err', val: httpErrorOf(error) }),
    );
  }

  fail(val: HttpErrorCode): void {
    this.#settle({ tag: 'err', val });
  }

  /** The guest wants nothing of it any more. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#outcome = undefined;
    this.#stop.abort();
    open.set(this.#state, (open.get(this.#state) ?? 1) - 1);
  }

  #settle(outcome: Outcome): void {
    if (!this.#released) this.#outcome ??= outcome;
  }
}
