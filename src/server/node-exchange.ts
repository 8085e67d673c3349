import { type AtRoundEnd, roundEnd } from '#core/event-loop';
import { isConnectionHeader } from '#core/ports/network';
import type { FramedAnswer } from '#core/ports/serving';
import { sentTrailers } from '#core/ports/trailers';
import type { BytePipe, FieldPairs } from '#core/waiting';
import { HttpExchange } from '#system';
import { ServerError } from './errors.ts';
import { drained, endWith, flushHead, type Outgoing, writeHead, writePiece } from './outgoing.ts';
import { type Incoming, mayHaveBody, type RequestHead } from './request-head.ts';

export interface ExchangeOptions {
  /** The largest body of a request in bytes. */
  readonly maxBodyBytes: number;
  /** Called if the exchange fails, before the answer or within it. */
  readonly onFailed: (error: unknown) => void;
  /** Called before the head of the answer is sent. */
  readonly onHead: () => void;
}

interface Unsent {
  readonly status: number;
  readonly fields: string[];
  readonly hasLength: boolean;
  readonly body: BytePipe;
}

/** An exchange over a connection of Node, without the objects of the web, which cost more than the rest of a small request. */
export class NodeExchange extends HttpExchange implements AtRoundEnd {
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: FieldPairs;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  readonly #options: ExchangeOptions;
  #failed = false;
  /** The head of an answer and what comes of its body, until the round of the event loop ends. */
  #unsent: Unsent | undefined;

  constructor(head: RequestHead, incoming: Incoming, outgoing: Outgoing, client: string, options: ExchangeOptions) {
    super();
    this.method = head.method;
    this.scheme = head.scheme;
    this.authority = head.host;
    this.path = head.pathname + head.search;
    this.headers = headersOf(incoming.rawHeaders, client);
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#options = options;
  }

  protected override receive(into: BytePipe): void {
    const incoming = this.#incoming;
    if (!mayHaveBody(incoming)) {
      into.end();
      return;
    }
    let left = this.#options.maxBodyBytes;
    const stop = into.changed.add(() => {
      if (into.cancelled) incoming.pause();
      else if (into.room > 0 && incoming.isPaused()) incoming.resume();
    });
    incoming.on('data', (bytes: Buffer) => {
      left -= bytes.length;
      if (left < 0) {
        const message = `the body of the request is longer than ${this.#options.maxBodyBytes} bytes`;
        const error = new ServerError('SERVER_BODY_TOO_LARGE', message);
        into.fail(error);
        this.failed(error);
        return;
      }
      if (!into.write(bytes) && into.isOpen)
        into.fail(new Error('the component has no room for the body of its request'));
      if (into.room === 0) incoming.pause();
    });
    incoming.on('end', () => {
      stop();
      into.end(receivedTrailers(incoming.rawTrailers));
    });
    incoming.on('close', () => {
      stop();
      into.fail(new Error('the client broke its request off'));
    });
  }

  protected override respond({ status, headers, length, body }: FramedAnswer): void {
    const outgoing = this.#outgoing;
    // The server has answered itself where the client sent too slowly.
    if (outgoing.destroyed || outgoing.headersSent || this.#failed) {
      body?.cancel();
      return;
    }
    const fields: string[] = [];
    for (const [name, value] of headers) fields.push(name, value);
    if (length !== undefined) fields.push('content-length', String(length));
    this.#options.onHead();
    if (body === undefined) {
      writeHead(outgoing, status, fields);
      outgoing.end();
      return;
    }
    // A guest that goes on without waiting has written a small body by then, so that all of it is sent at once.
    this.#unsent = { status, fields, hasLength: length !== undefined, body };
    roundEnd.add(this);
  }

  override ended(thrown?: unknown): void {
    // A turn that fails after its answer has answered all the same.
    if (thrown !== undefined) this.atRoundEnd();
    super.ended(thrown);
  }

  protected override failed(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#options.onFailed(error);
  }

  /** Sends what the turn has answered so far. */
  atRoundEnd(): void {
    const unsent = this.#unsent;
    if (unsent === undefined || this.#failed) return;
    this.#unsent = undefined;
    const { status, fields, hasLength, body } = unsent;
    const outgoing = this.#outgoing;
    if (outgoing.destroyed) {
      body.cancel();
      return;
    }
    try {
      const first = this.read(body);
      if (first !== undefined && body.ended && body.length === 0 && body.trailers.length === 0) {
        // Nothing of the answer has been sent yet, so that a body which is too short becomes an error.
        this.read(body);
        if (!hasLength) fields.push('content-length', String(first.length));
        writeHead(outgoing, status, fields);
        endWith(outgoing, first);
        return;
      }
      writeHead(outgoing, status, fields);
      if (first === undefined || first.length === 0) flushHead(outgoing);
      void this.#stream(first, body);
    } catch (error) {
      this.failed(error);
    }
  }

  async #stream(first: Uint8Array | undefined, body: BytePipe): Promise<void> {
    const outgoing = this.#outgoing;
    try {
      for (let piece = first; piece !== undefined; piece = this.read(body)) {
        if (piece.length === 0) await body.changed.next();
        else if (!writePiece(outgoing, piece)) await drained(outgoing);
        if (outgoing.destroyed) return body.cancel();
      }
      const trailers = sentTrailers(body.trailers);
      if (trailers.length > 0) outgoing.addTrailers(joined(trailers));
      outgoing.end();
    } catch (error) {
      // The component did not finish the body: the turn's own error, if there is one, follows and says more.
      this.failed(error);
    }
  }
}

function joined(trailers: FieldPairs): Record<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of trailers) {
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return Object.fromEntries(fields);
}

/** The headers that a component finds: those of the request, without those of the connection, and with the client's address. */
function headersOf(raw: readonly string[], client: string): FieldPairs {
  const pairs: [string, string][] = [];
  let cookies: [string, string] | undefined;
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase();
    // Browsers send each cookie in a field of its own over HTTP/2, and components look at the first (RFC 9113, section 8.2.3).
    if (name === 'cookie' && cookies !== undefined) {
      cookies[1] += `; ${raw[at + 1]}`;
      continue;
    }
    // The address that the server knows replaces the header, because a client can write any address there.
    if (name.startsWith(':') || name === 'x-forwarded-for' || isConnectionHeader(name)) continue;
    const pair: [string, string] = [name, raw[at + 1] as string];
    if (name === 'cookie') cookies = pair;
    pairs.push(pair);
  }
  pairs.push(['x-forwarded-for', client]);
  return pairs;
}

function receivedTrailers(raw: readonly string[]): FieldPairs {
  const pairs: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) pairs.push([(raw[at] as string).toLowerCase(), raw[at + 1] as string]);
  return sentTrailers(pairs);
}
