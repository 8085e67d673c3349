import type { Dispatcher } from 'undici';
import type { Clock, StopTimer } from '#core/ports/clock';
import type { HttpResponse } from '#core/ports/network';
import { type ByteAccount, BytePipe } from '#core/waiting';
import type { Ending } from './ending.ts';
import { Failure, failed } from './failure.ts';
import type { Awaiting, KeptConnection } from './kept-connection.ts';
import type { KeptConnections } from './kept-connections.ts';
import { AnswerBounds, type Flow, followReader, pairsOf, receivePiece } from './received-body.ts';
import { RESERVED, type WholeRequest } from './sent-request.ts';
import { onceSilent } from './silence.ts';

/** Nothing of an answer came on a connection that was used before: its server may have closed it before it read the request. */
export class NoAnswer extends Error {
  /** Whether anything of the request was written. */
  readonly wasSent: boolean;
  override readonly cause: unknown;

  constructor(cause: unknown, wasSent: boolean) {
    super('no byte of an answer came');
    this.cause = cause;
    this.wasSent = wasSent;
  }
}

export interface KeptExchangeOptions {
  readonly idleMs: number;
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  readonly account: ByteAccount | undefined;
  readonly ending: Ending;
  readonly connections: KeptConnections;
  /** The round of the connections in which the request began: a connection that is made while they are released is not kept. */
  readonly round: number;
  /** The connection carried a request before. */
  readonly isReused: boolean;
}

/**
 * Sends a request whose body is complete, on a connection that is kept for the next one if its answer ends as it should.
 * @throws {NoAnswer} where a connection that was used before failed before an answer
 */
export function keptExchange(
  connection: KeptConnection,
  url: URL,
  sent: WholeRequest,
  options: KeptExchangeOptions,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    new KeptExchange(connection, url, options, resolve, reject).send(sent);
  });
}

class KeptExchange implements Awaiting, Flow {
  readonly #connection: KeptConnection;
  readonly #url: URL;
  readonly #options: KeptExchangeOptions;
  readonly #resolve: (response: HttpResponse) => void;
  readonly #reject: (error: unknown) => void;
  readonly #bounds = new AnswerBounds();
  readonly #round: number;
  readonly #readBefore: number;
  readonly #writtenBefore: number;
  readonly #closed = Promise.withResolvers<void>();
  readonly #stopIdle: StopTimer;
  #controller: Dispatcher.DispatchController | undefined;
  #body: BytePipe | undefined;
  #failure: unknown;
  #isOver = false;

  constructor(
    connection: KeptConnection,
    url: URL,
    options: KeptExchangeOptions,
    resolve: (response: HttpResponse) => void,
    reject: (error: unknown) => void,
  ) {
    this.#connection = connection;
    this.#url = url;
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#round = options.round;
    this.#readBefore = connection.bytesRead;
    this.#writtenBefore = connection.bytesWritten;
    const { idleMs, clock } = options;
    const onSilence = (): void => this.fail(new Failure('timeout', `no byte in ${idleMs} ms`));
    this.#stopIdle = onceSilent(() => connection.bytesMoved, idleMs, clock, onSilence);
  }

  send({ method, headers, body }: WholeRequest): void {
    const { pathname, search } = this.#url;
    const fields: string[] = [];
    for (const [name, value] of headers) if (!RESERVED.has(name.toLowerCase())) fields.push(name, value);
    const request = { method: method.toUpperCase(), path: pathname + search, headers: fields, body: body ?? null };
    try {
      this.#connection.send(request, this);
    } catch (cause) {
      // undici refuses some header names and values.
      this.#end(failed(this.#url, cause));
      this.#connection.close();
      return;
    }
    this.#options.ending.listen((reason) => this.fail(reason));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#connection.awaiting = this;
  }

  onContinue(): void {
    this.#preliminary();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200) {
      this.#preliminary();
      return;
    }
    this.#connection.awaiting = undefined;
    const body = new BytePipe(this.#options.account);
    this.#body = body;
    followReader(body, this);
    const { rawHeaders } = controller as unknown as { readonly rawHeaders: readonly Buffer[] };
    this.#resolve({
      status,
      url: this.#url.href,
      headers: pairsOf(rawHeaders),
      body,
      closed: this.#closed.promise,
    });
  }

  onResponseData(_: Dispatcher.DispatchController, piece: Buffer): void {
    if (this.#body !== undefined) receivePiece(this.#body, piece, this.#bounds, this);
    freeRead(piece);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const { rawTrailers } = controller as unknown as { readonly rawTrailers: readonly Buffer[] };
    this.#over();
    this.#body?.end(pairsOf(rawTrailers));
    // undici closes the connection behind this call if it must not be used again, also for what else came with these bytes.
    queueMicrotask(() => {
      if (this.#options.connections.keep(this.#connection, this.#round)) this.#closed.resolve();
      else this.#close();
    });
  }

  onResponseError(_: unknown, error: Error): void {
    const cause = this.#failure ?? brokenBy(error);
    const nothingCame = this.#body === undefined && this.#connection.bytesRead === this.#readBefore;
    const wasSent = this.#connection.bytesWritten !== this.#writtenBefore;
    const isStale = this.#options.isReused && this.#failure === undefined && nothingCame;
    this.#end(isStale ? new NoAnswer(failed(this.#url, cause), wasSent) : failed(this.#url, cause));
    this.#close();
  }

  get isPaused(): boolean {
    return this.#controller?.paused === true;
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  /** Closes the connection: what the reader did not want may be without end. */
  drop(): void {
    if (!this.#isOver) this.fail(new Failure('ECONNRESET', 'the answer is not wanted'));
  }

  fail(cause: unknown): void {
    if (this.#isOver) return;
    this.#failure ??= cause;
    this.#connection.close(this.#failure instanceof Error ? this.#failure : undefined);
  }

  #preliminary(): void {
    const failure = this.#bounds.preliminary();
    if (failure !== undefined) this.fail(failure);
  }

  #over(): void {
    this.#isOver = true;
    this.#stopIdle();
    this.#connection.ended();
    this.#options.ending.listen(undefined);
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.#over();
    // The caller counts connections, so it is told once this one is closed.
    if (this.#body === undefined) void this.#connection.closed.then(() => this.#reject(error));
    else this.#body.fail(error);
  }

  #close(): void {
    this.#connection.close();
    void this.#connection.closed.then(() => this.#closed.resolve());
  }
}

/** Blocks below this size are left to the garbage collector, which takes less for them than a call. */
const LARGE = 16 * 1024;

/**
 * Frees the block that the socket read once undici has done with it, if all of it was this piece: nobody else can then have a part
 * of it. A long body would otherwise leave the garbage collector a thousand blocks for every 64 MB.
 */
function freeRead(piece: Buffer): void {
  const { buffer, length } = piece;
  if (length < LARGE || length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  queueMicrotask(() => void buffer.transfer(0));
}

/** The failure that undici reports by a text of its own. */
function brokenBy(error: Error): Error {
  if (error.message !== 'bad upgrade') return error;
  return new Failure('upgrade', 'the server switched protocols, which nobody asked for');
}
