import { BytePipe, type FieldPairs, PIPE_BYTES, type Unsubscribe } from '#core/waiting';
import type { HostState } from '#runtime/host';
import type { ByteSink, ByteSource } from '../byte-streams.ts';
import { HostCharge } from '../host-charge.ts';
import { failed, InputStream, OutputStream, Pollable } from '../io.ts';
import type { Readiness } from '../readiness.ts';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';
import { disposeFields, pairsOf, receivedFields } from './fields.ts';

type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E };

/** A body that a guest has received. `release` tells its owner that the guest wants no more of it. */
export interface Received {
  readonly pipe: BytePipe;
  release(): void;
}

/** The length that a guest promised for a body that it sends; undefined if it promised none. */
export type PromisedLength = number | undefined;

/** Returns the error case for a body of the wrong length. */
export type SizeError = (bytes: number) => HttpErrorCode;

const UNFINISHED: HttpErrorCode = { tag: 'internal-error', val: 'the body was not finished' };

/** The pipe of an `OutgoingBody`. Only the host can call it, because it is no method. */
let pipeOf: (body: object) => BytePipe;

/** Where a guest writes a body: a pipe that takes no more bytes than the guest has promised. */
class BodySink implements ByteSink {
  readonly pipe: BytePipe;
  readonly #caller: HostState;
  readonly #promised: PromisedLength;
  readonly #wrongSize: SizeError;
  #written = 0;

  constructor(caller: HostState, promised: PromisedLength, wrongSize: SizeError) {
    this.pipe = new BytePipe(new HostCharge(caller));
    this.#caller = caller;
    this.#promised = promised;
    this.#wrongSize = wrongSize;
  }

  ready(): boolean {
    return this.pipe.room > 0;
  }

  whenReady(wake: () => void): Unsubscribe {
    return this.pipe.changed.add(wake);
  }

  /** Waits only for room, not for an empty pipe: before the request is sent nobody reads the pipe. */
  flush(): Readiness {
    return this;
  }

  room(): number {
    if (this.pipe.isOpen) return this.pipe.room;
    throw this.#failed(this.pipe.failure);
  }

  write(bytes: Uint8Array): void {
    this.#written += bytes.length;
    if (this.#promised !== undefined && !(this.#written <= this.#promised)) {
      // The receiver would read bytes beyond the length as the next message of the connection.
      this.pipe.fail(this.#wrongSize(this.#written));
      throw this.#failed(this.pipe.failure);
    }
    if (!this.pipe.write(bytes)) throw this.#failed({ tag: 'internal-error', val: 'the host keeps too much for it' });
  }

  /** Ends the body. @throws why it is not whole */
  finish(trailers: FieldPairs): void {
    let code: HttpErrorCode | undefined;
    if (this.#promised !== undefined && this.#promised !== this.#written) code = this.#wrongSize(this.#written);
    // Only a body that is sent in chunks can carry trailers.
    else if (this.#promised !== undefined && trailers.length > 0) {
      code = { tag: 'HTTP-request-trailer-section-size', val: 0 };
    }
    if (code === undefined) this.pipe.end(trailers);
    else this.pipe.fail(code);
    const failure = code ?? this.pipe.failure;
    if (failure !== undefined) throw failure;
  }

  #failed(code: unknown): object {
    return code === undefined ? { tag: 'closed' } : failed(this.#caller, code, (code as HttpErrorCode).tag);
  }
}

/** A body that a guest sends. The pipe buffers what the receiver has not taken, and the faster side waits. */
export class OutgoingBody {
  readonly #charge: HostCharge;
  readonly #sink: BodySink;
  #streamed = false;

  constructor(caller: HostState, promised: PromisedLength, wrongSize: SizeError) {
    this.#charge = new HostCharge(caller);
    this.#sink = new BodySink(caller, promised, wrongSize);
  }

  static {
    pipeOf = (body) => (body as OutgoingBody).#sink.pipe;
  }

  write(caller: HostState): object {
    if (this.#streamed) throw undefined;
    this.#streamed = true;
    return new OutputStream(caller, this.#sink);
  }

  static finish(_: HostState, body: OutgoingBody, trailers: object | undefined): void {
    body.#charge.end();
    const pairs: FieldPairs = trailers === undefined ? [] : [...pairsOf(trailers)];
    if (trailers !== undefined) disposeFields(trailers);
    body.#sink.finish(pairs);
  }

  [Symbol.dispose](): void {
    this.#charge.end();
    this.#sink.pipe.fail(UNFINISHED);
  }
}

export class FutureTrailers {
  readonly #charge: HostCharge;
  readonly #received: Received;
  #taken = false;

  constructor(caller: HostState, received: Received) {
    this.#charge = new HostCharge(caller);
    this.#received = received;
    received.pipe.skip();
  }

  subscribe(caller: HostState): object {
    const { pipe } = this.#received;
    return new Pollable(caller, {
      ready: () => this.#taken || !pipe.isOpen,
      whenReady: (wake) => pipe.changed.add(wake),
    });
  }

  get(caller: HostState): Result<Result<object | undefined, HttpErrorCode>, undefined> | undefined {
    if (this.#taken) return { tag: 'err', val: undefined };
    const { pipe } = this.#received;
    if (pipe.isOpen) return undefined;
    this.#taken = true;
    const { failure, trailers } = pipe;
    if (failure !== undefined) return { tag: 'ok', val: { tag: 'err', val: httpErrorOf(failure) } };
    const val = trailers.length === 0 ? undefined : receivedFields(caller, trailers);
    return { tag: 'ok', val: { tag: 'ok', val } };
  }

  [Symbol.dispose](): void {
    this.#charge.end();
    this.#received.release();
  }
}

/** A body that a guest receives. */
export class IncomingBody {
  readonly #charge: HostCharge;
  readonly #received: Received;
  #streamed = false;

  constructor(caller: HostState, received: Received) {
    this.#charge = new HostCharge(caller);
    this.#received = received;
  }

  stream(caller: HostState): object {
    if (this.#streamed) throw undefined;
    this.#streamed = true;
    return new InputStream(caller, sourceOf(caller, this.#received.pipe));
  }

  static finish(caller: HostState, body: IncomingBody): FutureTrailers {
    body.#charge.end();
    return new FutureTrailers(caller, body.#received);
  }

  [Symbol.dispose](): void {
    this.#charge.end();
    this.#received.release();
  }
}

export { pipeOf };

/**
 * Where bytes stand between a pipe and a guest's memory. They are copied there at once, before any other code of the host runs; an
 * array for each read would wait for the garbage collector, and a long body would fill the process with them.
 */
const passing = new Uint8Array(PIPE_BYTES);

function sourceOf(caller: HostState, pipe: BytePipe): ByteSource {
  return {
    ready: () => pipe.readable,
    whenReady: (wake) => pipe.changed.add(wake),
    read(length) {
      try {
        return pipe.read(length, passing);
      } catch (error) {
        const code = httpErrorOf(error);
        throw failed(caller, code, code.tag);
      }
    },
  };
}
