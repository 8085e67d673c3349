import type { Socket } from 'node:net';
import type { Client, Dispatcher } from 'undici';
import { Failure } from './failure.ts';
import { dropContinue } from './without-continue.ts';

/** What a request that awaits its answer is told besides what undici tells it. */
export interface Awaiting extends Dispatcher.DispatchHandler {
  /** A `100 Continue` came. */
  onContinue(): void;
}

let loading: Promise<typeof Client> | undefined;

/**
 * undici's class of connections. Imported on first use, because most runtimes make no request, and by itself, because all of
 * undici takes five times as long.
 */
export function clientClass(): Promise<typeof Client> {
  loading ??= import('undici/lib/dispatcher/client.js').then((module) => module.default);
  return loading;
}

/**
 * One connection that carries requests, one after the other. undici writes and parses them; the socket is ours, so that undici
 * never connects by itself: an address must be admitted first. undici closes a connection on which anything comes that answers no
 * request, whose answer has two lengths, or whose answer came before its request had been sent.
 */
export class KeptConnection {
  /** Of the endpoint: `scheme://host:port`. */
  readonly origin: string;
  /** The address that was admitted. */
  readonly address: string;
  /** When it was made, in milliseconds of the monotonic clock. */
  readonly madeAt: number;
  /** Resolves when its descriptor is closed. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #client: Client;
  #awaiting: Awaiting | undefined;

  /** Takes over a socket that is connected to the endpoint. */
  constructor(Class: typeof Client, socket: Socket, origin: string, madeAt: number) {
    this.#socket = socket;
    this.origin = origin;
    this.madeAt = madeAt;
    this.address = socket.remoteAddress ?? '';
    this.closed = new Promise((resolve) => {
      if (socket.closed) resolve();
      else socket.once('close', () => resolve());
    });
    let isGiven = false;
    this.#client = new Class(origin, {
      allowH2: false,
      // These times are counted by the host's clock. undici counts how long a connection is unused too, which cannot be turned off:
      // its time must be longer than ours, and is shorter where the server says so.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 600_000,
      connect: (_, callback) => {
        const given = isGiven || socket.destroyed ? undefined : socket;
        isGiven = true;
        // undici does not expect the answer before this function returns.
        queueMicrotask(() => {
          if (given === undefined) callback(new Failure('ECONNRESET', 'the connection has ended'), null);
          else callback(null, given);
        });
      },
    });
    dropContinue(
      socket,
      () => this.#awaiting !== undefined,
      () => this.#awaiting?.onContinue(),
    );
  }

  /** Whether it may carry another request. */
  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  /** How many bytes have come and gone; those that wait to be sent have not. */
  get bytesMoved(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten - this.#socket.writableLength;
  }

  send(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch(request, handler);
  }

  /** The head of an answer is awaited by `handler`, or by nobody. Called when a request was written, and when its answer began. */
  set awaiting(handler: Awaiting | undefined) {
    this.#awaiting = handler;
  }

  /** The request that `send` was given has ended. */
  ended(): void {
    this.#awaiting = undefined;
  }

  /** Closes it, and fails the request that it carries. */
  close(reason: Error = new Failure('ECONNRESET', 'the connection was closed')): void {
    void this.#client.destroy(reason);
    this.#socket.destroy();
  }
}
