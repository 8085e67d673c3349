import type { HttpResponse } from '#core/ports/network';
import type { BytePipe } from '#core/waiting';
import type { CurrentStore } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import type { Io } from '../io.ts';
import type { BodyKit } from './body.ts';
import type { HttpErrorCode } from './error-code.ts';
import type { Exchange } from './exchange.ts';
import type { FieldsKit } from './fields.ts';

type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E };

/** The classes of an answer, and the function by which the host makes the future of one. */
export interface ResponseKit {
  readonly classes: Readonly<Record<string, unknown>>;
  future(exchange: Exchange): object;
}

/** Makes the classes of an answer. Each resource holds the exchange until it passes it on; if it is dropped before, it ends the exchange. */
export function responseKit(current: CurrentStore, io: Io, fields: FieldsKit, bodies: BodyKit): ResponseKit {
  class IncomingResponse {
    readonly #charge = new HostCharge(current.state);
    readonly #exchange: Exchange;
    readonly #status: number;
    readonly #headers: Disposable;
    #body: BytePipe | undefined;

    constructor(exchange: Exchange, { status, headers, body }: HttpResponse) {
      this.#exchange = exchange;
      this.#status = status;
      this.#headers = fields.received(headers);
      this.#body = body;
    }

    status(): number {
      return this.#status;
    }

    headers(): object {
      return fields.frozen(this.#headers);
    }

    consume(): object {
      if (this.#body === undefined) throw undefined;
      const [pipe, exchange] = [this.#body, this.#exchange];
      this.#body = undefined;
      return new bodies.IncomingBody({ pipe, release: () => exchange.release() });
    }

    [Symbol.dispose](): void {
      this.#headers[Symbol.dispose]();
      this.#charge.end();
      if (this.#body !== undefined) this.#exchange.release();
      this.#body = undefined;
    }
  }

  class FutureIncomingResponse {
    readonly #charge = new HostCharge(current.state);
    readonly #exchange: Exchange;
    #taken = false;

    constructor(exchange: Exchange) {
      this.#exchange = exchange;
    }

    subscribe(): object {
      return new io.Pollable({
        ready: () => this.#taken || this.#exchange.outcome !== undefined,
        whenReady: (wake) => this.#exchange.settled.add(wake),
      });
    }

    get(): Result<Result<IncomingResponse, HttpErrorCode>, undefined> | undefined {
      if (this.#taken) return { tag: 'err', val: undefined };
      const { outcome } = this.#exchange;
      if (outcome === undefined) return undefined;
      this.#taken = true;
      if (outcome.tag === 'ok') {
        return { tag: 'ok', val: { tag: 'ok', val: new IncomingResponse(this.#exchange, outcome.val) } };
      }
      this.#exchange.release();
      return { tag: 'ok', val: outcome };
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      if (!this.#taken) this.#exchange.release();
    }
  }

  return {
    classes: { IncomingResponse, FutureIncomingResponse },
    future: (exchange) => new FutureIncomingResponse(exchange),
  };
}
