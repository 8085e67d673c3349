import type { AsciiText } from '#core/text';

/** What the collection reads of a request. */
interface Request {
  readonly correlationId: AsciiText;
  readonly asker: { readonly suspendsTurn: boolean } | undefined;
}

/**
 * The open requests of one actor. Most have one at a time, the one that suspends their turn. It needs no map: a map that
 * is filled and emptied for each request is rehashed all the time.
 */
export class OpenRequests<R extends Request> {
  #asked: R | undefined = undefined;
  #others: Map<string | AsciiText, R> | undefined = undefined;

  get size(): number {
    const others = this.#others === undefined ? 0 : this.#others.size;
    return this.#asked === undefined ? others : others + 1;
  }

  add(request: R): void {
    if (this.#asked === undefined && suspendsTurn(request)) {
      this.#asked = request;
      return;
    }
    this.#others ??= new Map();
    this.#others.set(keyOf(request), request);
  }

  delete(request: R): void {
    if (this.#asked === request) this.#asked = undefined;
    else this.#others?.delete(keyOf(request));
  }

  /** The request of this correlation id. No id leads to a request that suspends its turn, because no guest is told one. */
  get(correlationId: string): R | undefined {
    return this.#others?.get(correlationId);
  }

  /** All of them, as they are now: they may end meanwhile. */
  all(): readonly R[] {
    const others = this.#others === undefined ? [] : [...this.#others.values()];
    return this.#asked === undefined ? others : [this.#asked, ...others];
  }
}

function suspendsTurn({ asker }: Request): boolean {
  return asker?.suspendsTurn === true;
}

/** The id that the guest knows the request by; the text object itself where it knows none, so that no string is made of it. */
function keyOf(request: Request): string | AsciiText {
  return suspendsTurn(request) ? request.correlationId : request.correlationId.toString();
}
