import { Quota } from '#core/limits';
import type { HttpResponse } from '#core/ports/network';
import { onAbort, type Unsubscribe, Wakers } from '#core/waiting';
import type { HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';

/** The most exchanges of one store, and of all stores of a runtime, that may hold a connection or an answer at a time. */
const MAX_PER_STORE = 8;
const MAX_PER_RUNTIME = 64;

type Outcome =
  | { readonly tag: 'ok'; readonly val: HttpResponse }
  | { readonly tag: 'err'; readonly val: HttpErrorCode };

/** Counts the exchanges of each store and of the runtime. */
export class Exchanges {
  readonly #all = new Quota(MAX_PER_RUNTIME);
  readonly #stores = new WeakMap<HostState, Quota>();

  /** Counts one more exchange. Returns the function that gives its place back, to be called once. @throws `connection-limit-reached` */
  enter(state: HostState): () => void {
    const own = this.#stores.get(state) ?? new Quota(MAX_PER_STORE);
    this.#stores.set(state, own);
    if (!own.take(1)) throw FULL;
    if (!this.#all.take(1)) {
      own.giveBack(1);
      throw FULL;
    }
    return () => {
      own.giveBack(1);
      this.#all.giveBack(1);
    };
  }
}

/** Made once, because each error keeps the stack on which it was made. */
const RELEASED = new Error('the guest wants no more of the exchange');

const FULL: HttpErrorCode = { tag: 'connection-limit-reached' };

/**
 * One HTTP request and its answer, until the guest drops it or its store ends. It keeps its place until its connection is closed,
 * because a guest could otherwise begin and drop as many exchanges as it likes.
 */
export class Exchange {
  /** Wakes when the outcome is known. */
  readonly settled: Wakers = new Wakers();
  readonly #leave: () => void;
  readonly #ending: AbortSignal;
  readonly #charge: HostCharge;
  readonly #stop = new AbortController();
  readonly #unlisten: Unsubscribe;
  readonly #release = (): void => this.release();
  #outcome: Outcome | undefined;
  #running = false;
  #released = false;

  /** @param bytes what the request itself costs @throws `connection-limit-reached` */
  constructor(state: HostState, exchanges: Exchanges, bytes: number) {
    this.#charge = new HostCharge(state, bytes);
    try {
      this.#leave = exchanges.enter(state);
    } catch (error) {
      this.#charge.end();
      throw error;
    }
    this.#ending = state.ending;
    this.#unlisten = onAbort(this.#ending, this.#release);
  }

  /** Aborted when the guest drops the exchange or its store ends. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** The answer or the error; undefined until one has arrived. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Charges bytes that are kept of the answer. Returns false if too few are left, or if the exchange was released. */
  keep(bytes: number): boolean {
    return !this.#released && this.#charge.take(bytes);
  }

  /** Sends the request. @param failure returns why the request's own body failed, if it did */
  begin(send: () => Promise<HttpResponse>, failure: () => HttpErrorCode | undefined): void {
    this.#running = true;
    // An async function, so that what throws at once gives its place back, too.
    const sending = async (): Promise<HttpResponse> => send();
    sending().then(
      (val) => {
        const ended = (): void => this.#ended();
        // A port that fails to close has closed as far as anybody can tell.
        val.closed.then(ended, ended);
        if (this.#released) val.body.cancel();
        else this.#settle({ tag: 'ok', val });
      },
      (error) => {
        this.#ended();
        this.#settle({ tag: 'err', val: failure() ?? httpErrorOf(error) });
      },
    );
  }

  /** Ends the exchange, because the guest wants no more of it. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    if (this.#outcome?.tag === 'ok') this.#outcome.val.body.cancel();
    this.#outcome = undefined;
    this.#unlisten();
    this.#charge.end();
    if (this.#running) this.#stop.abort(RELEASED);
    else this.#leave();
  }

  #settle(outcome: Outcome): void {
    if (this.#released) return;
    this.#outcome = outcome;
    this.settled.wake();
  }

  /** Called when the connection is closed. */
  #ended(): void {
    this.#running = false;
    if (this.#released) this.#leave();
  }
}
