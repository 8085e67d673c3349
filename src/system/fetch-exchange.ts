import { LengthCheck, promisedLength } from '#core/ports/content-length';
import { isConnectionHeader } from '#core/ports/network';
import type { FramedAnswer } from '#core/ports/serving';
import { sentTrailers } from '#core/ports/trailers';
import type { BytePipe, FieldPairs } from '#core/waiting';
import { aborted } from './ended.ts';
import { pour, streamOf } from './fetch-bodies.ts';
import type { FetchOptions } from './fetch-options.ts';
import { hopsHere } from './hops.ts';
import { HttpExchange } from './http-exchange.ts';

/** An exchange over the web's `Request` and `Response`. */
export class FetchExchange extends HttpExchange {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: FieldPairs;
  override readonly hops: number = hopsHere();
  readonly #request: Request;
  readonly #options: FetchOptions;
  readonly #answered = Promise.withResolvers<Response>();
  readonly #onAbort = (): void => this.abandon(aborted(this.#request.signal));

  constructor(request: Request, options: FetchOptions) {
    super();
    const { clientAddress } = options;
    this.#options = options;
    const { protocol, host, pathname, search } = new URL(request.url);
    this.#request = request;
    this.method = request.method;
    this.scheme = protocol.slice(0, -1);
    this.authority = host;
    this.path = pathname + search;
    const headers = [...request.headers].filter(([name]) => !isConnectionHeader(name));
    // The address that the server knows replaces the header, because a client can write any address there.
    this.headers =
      clientAddress === undefined
        ? headers
        : [...headers.filter(([name]) => name !== 'x-forwarded-for'), ['x-forwarded-for', clientAddress]];
    this.#answered.promise.catch(() => {});
    if (request.signal.aborted) this.#onAbort();
    else request.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Resolves when the component has given the status and the headers of its answer. */
  get response(): Promise<Response> {
    return this.#answered.promise;
  }

  override ended(error?: unknown): void {
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    super.ended(error);
  }

  protected override receive(into: BytePipe): void {
    const { body } = this.#request;
    const { trailers } = this.#options;
    const made = async (): Promise<FieldPairs> => sentTrailers([...new Headers(await trailers?.())]);
    const length = new LengthCheck(promisedLength(this.headers), 'request');
    if (body !== null) void pour(body, into, trailers === undefined ? undefined : made, length);
    else if (trailers === undefined) endEmpty(into, length);
    else
      made().then(
        (pairs) => into.end(pairs),
        (error) => into.fail(error),
      );
  }

  protected override respond({ status, headers, length, body }: FramedAnswer): void {
    const own = new Headers();
    for (const [name, value] of headers) own.append(name, value);
    if (length !== undefined) own.append('content-length', String(length));
    if (body === undefined) {
      this.#answered.resolve(new Response(null, { status, headers: own }));
      return;
    }
    const stream = streamOf(
      body,
      () => this.read(body),
      () => this.leave(),
      () => this.#tellTrailers(body),
    );
    this.#answered.resolve(new Response(stream, { status, headers: own }));
  }

  #tellTrailers({ trailers }: BytePipe): void {
    const sent = sentTrailers(trailers);
    if (sent.length === 0) return;
    const headers = new Headers();
    for (const [name, value] of sent) headers.append(name, value);
    this.#options.onTrailers?.(headers);
  }

  protected override failed(error: unknown): void {
    this.#answered.reject(error);
  }
}

/** Ends a body that is not there, which a head may have promised all the same. */
function endEmpty(into: BytePipe, length: LengthCheck): void {
  try {
    length.take(undefined);
    into.end();
  } catch (error) {
    into.fail(error);
  }
}
