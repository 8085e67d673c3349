import type { HttpResponse } from '#core/ports/network';
import type { BytePipe } from '#core/waiting';
import type { HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import { Pollable } from '../io.ts';
import { IncomingBody } from './body.ts';
import type { HttpErrorCode } from './error-code.ts';
import type { Exchange } from './exchange.ts';
import { frozenFields, receivedFields } from './fields.ts';

type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E };

/** An answer. It holds its exchange until it passes it on to the body; if it is dropped before, it ends the exchange. */
export class IncomingResponse {
  readonly #charge: HostCharge;
  readonly #exchange: Exchange;
  readonly #status: number;
  readonly #headers: Disposable;
  #body: BytePipe | undefined;

  constructor(caller: HostState, exchange: Exchange, { status, headers, body }: HttpResponse) {
    this.#charge = new HostCharge(caller);
    this.#exchange = exchange;
    this.#status = status;
    this.#headers = receivedFields(caller, headers);
    this.#body = body;
  }

  status(): number {
    return this.#status;
  }

  headers(caller: HostState): object {
    return frozenFields(caller, this.#headers);
  }

  consume(caller: HostState): object {
    if (this.#body === undefined) throw undefined;
    const [pipe, exchange] = [this.#body, this.#exchange];
    this.#body = undefined;
    return new IncomingBody(caller, { pipe, release: () => exchange.release() });
  }

  [Symbol.dispose](): void {
    this.#headers[Symbol.dispose]();
    this.#charge.end();
    if (this.#body !== undefined) this.#exchange.release();
    this.#body = undefined;
  }
}

/** An answer that may still have to arrive. It holds its exchange as `IncomingResponse` does. */
export class FutureIncomingResponse {
  readonly #charge: HostCharge;
  readonly #exchange: Exchange;
  #taken = false;

  constructor(caller: HostState, exchange: Exchange) {
    this.#charge = new HostCharge(caller);
    this.#exchange = exchange;
  }

  subscribe(caller: HostState): object {
    return new Pollable(caller, {
      ready: () => this.#taken || this.#exchange.outcome !== undefined,
      whenReady: (wake) => this.#exchange.settled.add(wake),
    });
  }

  get(caller: HostState): Result<Result<IncomingResponse, HttpErrorCode>, undefined> | undefined {
    if (this.#taken) return { tag: 'err', val: undefined };
    const { outcome } = this.#exchange;
    if (outcome === undefined) return undefined;
    this.#taken = true;
    if (outcome.tag === 'ok') {
      return { tag: 'ok', val: { tag: 'ok', val: new IncomingResponse(caller, this.#exchange, outcome.val) } };
    }
    this.#exchange.release();
    return { tag: 'ok', val: outcome };
  }

  [Symbol.dispose](): void {
    this.#charge.end();
    if (!this.#taken) this.#exchange.release();
  }
}
