import { BytePipe, type FieldPairs } from '#core/waiting';
import type { CurrentStore } from '#runtime/host';
import type { ByteSink, ByteSource } from '../byte-streams.ts';
import { HostCharge } from '../host-charge.ts';
import type { Io } from '../io.ts';
import type { Readiness } from '../readiness.ts';
import { type HttpErrorCode, httpErrorOf } from './error-code.ts';
import type { FieldsKit } from './fields.ts';

type Result<T, E> = { readonly tag: 'ok'; readonly val: T } | { readonly tag: 'err'; readonly val: E };

/** A body that a guest has received. `release` tells its owner that the guest wants no more of it. */
export interface Received {
  readonly pipe: BytePipe;
  release(): void;
}

/** The length that a guest promised for a body that it sends; undefined if it promised none. */
export type PromisedLength = number | undefined;

/** The classes of bodies, and an operation on their instances that only the host can use. */
export interface BodyKit {
  readonly IncomingBody: new (received: Received) => object;
  readonly OutgoingBody: new (promised: PromisedLength, wrongSize: SizeError) => object;
  readonly FutureTrailers: new (received: Received) => object;
  pipeOf(outgoing: object): BytePipe;
}

/** Returns the error case for a body of the wrong length. */
export type SizeError = (bytes: number) => HttpErrorCode;

const UNFINISHED: HttpErrorCode = { tag: 'internal-error', val: 'the body was not finished' };

/** Makes the classes of bodies. A body is streamed through a pipe: it buffers what the slower side has not taken, and the faster side waits. */
export function bodyKit(current: CurrentStore, io: Io, fields: FieldsKit): BodyKit {
  let pipeOf: (body: OutgoingBody) => BytePipe;

  class OutgoingBody {
    readonly #charge = new HostCharge(current.state);
    readonly #pipe = new BytePipe(new HostCharge(current.state));
    readonly #promised: PromisedLength;
    readonly #wrongSize: SizeError;
    #written = 0;
    #streamed = false;

    constructor(promised: PromisedLength, wrongSize: SizeError) {
      this.#promised = promised;
      this.#wrongSize = wrongSize;
    }

    static {
      pipeOf = (body) => body.#pipe;
    }

    write(): object {
      if (this.#streamed) throw undefined;
      this.#streamed = true;
      return new io.OutputStream(this.#sink());
    }

    static finish(body: OutgoingBody, trailers: object | undefined): void {
      body.#charge.end();
      const pairs: FieldPairs = trailers === undefined ? [] : [...fields.pairsOf(trailers)];
      if (trailers !== undefined) fields.dispose(trailers);
      const promised = body.#promised;
      let code: HttpErrorCode | undefined;
      if (promised !== undefined && promised !== body.#written) code = body.#wrongSize(body.#written);
      // Only a body that is sent in chunks can carry trailers.
      else if (promised !== undefined && pairs.length > 0) code = { tag: 'HTTP-request-trailer-section-size', val: 0 };
      if (code === undefined) body.#pipe.end(pairs);
      else body.#pipe.fail(code);
      const failed = code ?? body.#pipe.failure;
      if (failed !== undefined) throw failed;
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      this.#pipe.fail(UNFINISHED);
    }

    #sink(): ByteSink {
      const pipe = this.#pipe;
      const hasRoom: Readiness = { ready: () => pipe.room > 0, whenReady: (wake) => pipe.changed.add(wake) };
      return {
        ...hasRoom,
        // A flush waits only for room, not for an empty pipe: before the request is sent nobody reads the pipe.
        flush: () => hasRoom,
        room: () => {
          if (pipe.isOpen) return pipe.room;
          throw this.#failed(pipe.failure);
        },
        write: (bytes) => {
          this.#written += bytes.length;
          if (this.#promised !== undefined && !(this.#written <= this.#promised)) {
            // The receiver would read bytes beyond the length as the next message of the connection.
            pipe.fail(this.#wrongSize(this.#written));
            throw this.#failed(pipe.failure);
          }
          if (!pipe.write(bytes)) throw this.#failed({ tag: 'internal-error', val: 'the host keeps too much for it' });
        },
      };
    }

    #failed(code: unknown): object {
      return code === undefined ? { tag: 'closed' } : io.failed(code, (code as HttpErrorCode).tag);
    }
  }

  class FutureTrailers {
    readonly #charge = new HostCharge(current.state);
    readonly #received: Received;
    #taken = false;

    constructor(received: Received) {
      this.#received = received;
      received.pipe.skip();
    }

    subscribe(): object {
      const { pipe } = this.#received;
      return new io.Pollable({
        ready: () => this.#taken || !pipe.isOpen,
        whenReady: (wake) => pipe.changed.add(wake),
      });
    }

    get(): Result<Result<object | undefined, HttpErrorCode>, undefined> | undefined {
      if (this.#taken) return { tag: 'err', val: undefined };
      const { pipe } = this.#received;
      if (pipe.isOpen) return undefined;
      this.#taken = true;
      const { failure, trailers } = pipe;
      if (failure !== undefined) return { tag: 'ok', val: { tag: 'err', val: httpErrorOf(failure) } };
      const val = trailers.length === 0 ? undefined : fields.received(trailers);
      return { tag: 'ok', val: { tag: 'ok', val } };
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      this.#received.release();
    }
  }

  class IncomingBody {
    readonly #charge = new HostCharge(current.state);
    readonly #received: Received;
    #streamed = false;

    constructor(received: Received) {
      this.#received = received;
    }

    stream(): object {
      if (this.#streamed) throw undefined;
      this.#streamed = true;
      return new io.InputStream(sourceOf(this.#received.pipe, io));
    }

    static finish(body: IncomingBody): FutureTrailers {
      body.#charge.end();
      return new FutureTrailers(body.#received);
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      this.#received.release();
    }
  }

  return { IncomingBody, OutgoingBody, FutureTrailers, pipeOf: (body) => pipeOf(body as OutgoingBody) };
}

function sourceOf(pipe: BytePipe, io: Io): ByteSource {
  return {
    ready: () => pipe.readable,
    whenReady: (wake) => pipe.changed.add(wake),
    read(length) {
      try {
        return pipe.read(length);
      } catch (error) {
        const code = httpErrorOf(error);
        throw io.failed(code, code.tag);
      }
    },
  };
}
