import { BytePipe, type FieldPairs } from '#core/waiting';
import { type GuestStream, type HostState, HostStream, type StreamSink } from '#runtime/host';
import { HostCharge } from '../../host-charge.ts';
import { type HttpErrorCode, httpErrorOf } from '../../http/error-code.ts';
import { disposeFields, pairsOf, receivedFields } from '../../http/fields.ts';
import type { StreamResult } from '../streams.ts';
import { Fields3 } from './fields.ts';

/** `result<option<trailers>, error-code>`, which follows a body. */
export type TrailersResult =
  | { readonly tag: 'ok'; readonly val: object | undefined }
  | { readonly tag: 'err'; readonly val: HttpErrorCode };

/** The error case for a body of the wrong length. */
export type SizeError = (bytes: number) => HttpErrorCode;

/** The body of a request or a response, before somebody takes it. Exactly one of the methods is called, once. */
export interface Contents {
  /** Takes the body, in a turn. Who takes it reads the pipe to its end or cancels it. */
  open(caller: HostState): BytePipe;
  /** Nobody wants it. */
  drop(): void;
  /** Resolves when the rest of an opened body needs the store no longer. */
  settled(pipe: BytePipe): Promise<unknown>;
}

const OK: StreamResult = { tag: 'ok', val: undefined };
const GONE: HttpErrorCode = { tag: 'connection-terminated' };
const TOO_MUCH: HttpErrorCode = { tag: 'internal-error', val: 'the host keeps too much for the component' };

/** A body that a guest writes, with its trailers. */
export class GuestContents implements Contents {
  readonly #stream: GuestStream;
  readonly #trailers: PromiseLike<TrailersResult>;
  readonly #promised: number | undefined;
  readonly #wrongSize: SizeError;

  /** @param promised the length that the headers promise */
  constructor(
    stream: GuestStream,
    trailers: PromiseLike<TrailersResult>,
    promised: number | undefined,
    wrongSize: SizeError,
  ) {
    this.#stream = stream;
    this.#trailers = trailers;
    this.#promised = promised;
    this.#wrongSize = wrongSize;
  }

  open(caller: HostState): BytePipe {
    const pipe = new BytePipe(new HostCharge(caller));
    void this.#fill(pipe);
    return pipe;
  }

  drop(): void {
    this.#stream.drop();
  }

  settled(pipe: BytePipe): Promise<void> {
    // What the guest has written lies in the pipe, whoever reads it later.
    return closed(pipe);
  }

  async #fill(pipe: BytePipe): Promise<void> {
    let written = 0;
    const count = (bytes: number): void => {
      written += bytes;
      if (this.#promised === undefined || written <= this.#promised) return;
      // The receiver would read bytes beyond the length as the next message of the connection.
      const failure = this.#wrongSize(written);
      pipe.fail(failure);
      throw failure;
    };
    const failure = await this.#stream.pump(sinkInto(pipe, count));
    // The store has ended. Whoever ends the exchange says why.
    if (failure instanceof Error) return;
    if (failure !== undefined) {
      pipe.fail(failure);
      return;
    }
    if (this.#promised !== undefined && this.#promised !== written) {
      pipe.fail(this.#wrongSize(written));
      return;
    }
    let trailers: TrailersResult;
    try {
      trailers = await this.#trailers;
    } catch {
      // The store has ended before the guest has given the trailers.
      return;
    }
    if (trailers.tag === 'err') pipe.fail(trailers.val);
    else pipe.end(trailers.val === undefined ? [] : taken(trailers.val));
  }
}

/** A body that the host has received, or will. */
export class HostContents implements Contents {
  readonly open: (caller: HostState) => BytePipe;
  readonly drop: () => void;

  constructor(open: (caller: HostState) => BytePipe, drop: () => void) {
    this.open = open;
    this.drop = drop;
  }

  settled(pipe: BytePipe): Promise<unknown> {
    return transmitted(pipe);
  }
}

function taken(fields: object): FieldPairs {
  const pairs = [...pairsOf(fields)];
  disposeFields(fields);
  return pairs;
}

function sinkInto(pipe: BytePipe, count: (bytes: number) => void): StreamSink {
  return {
    ready: () => pipe.room > 0,
    whenReady: (wake) => pipe.changed.add(wake),
    room() {
      if (pipe.isOpen) return pipe.room;
      throw whyClosed(pipe);
    },
    write(values) {
      // Its reader may have gone since the portion was asked for.
      if (!pipe.isOpen) throw whyClosed(pipe);
      count(values.length);
      if (!pipe.write(values as Uint8Array)) throw TOO_MUCH;
    },
  };
}

/** Resolves when a pipe's reader has taken all of it, or will not: with `ok`, or the reason as an error code. */
export function transmitted(pipe: BytePipe): Promise<StreamResult> {
  return new Promise((resolve) => {
    const look = (): void => {
      const result = outcomeOf(pipe);
      if (result === undefined) return;
      stop();
      resolve(result);
    };
    const stop = pipe.changed.add(look);
    look();
  });
}

/** Resolves when a pipe's reader has taken all that was written, or wants no more: also that of a body which broke off. */
export function drained(pipe: BytePipe): Promise<void> {
  return once(pipe, () => !pipe.isOpen && pipe.length === 0);
}

function outcomeOf(pipe: BytePipe): StreamResult | undefined {
  if (pipe.failure !== undefined || pipe.cancelled) return { tag: 'err', val: whyClosed(pipe) };
  return pipe.ended && pipe.length === 0 ? OK : undefined;
}

/** Why a pipe takes nothing any more, as a case: an error of the host's would end the store, and with it whatever else that answers. */
function whyClosed(pipe: BytePipe): HttpErrorCode {
  if (pipe.failure !== undefined) return codeOf(pipe.failure);
  const code = pipe.cancelReason === undefined ? GONE : codeOf(pipe.cancelReason);
  // A reader that leaves for a reason without a case of its own has gone, which is a case.
  return code.tag === 'internal-error' ? GONE : code;
}

/** Guests fail a body by an error code, and the host by an error. */
function codeOf(failure: unknown): HttpErrorCode {
  return failure instanceof Error ? httpErrorOf(failure) : (failure as HttpErrorCode);
}

/** What `consume-body` answers: the bytes, and how they ended. @param release called when the guest wants no more of them */
export function consumed(
  caller: HostState,
  pipe: BytePipe,
  release: () => void,
): [HostStream, Promise<TrailersResult>] {
  const charge = new HostCharge(caller);
  const { promise, resolve } = Promise.withResolvers<TrailersResult>();
  const settle = (): void => {
    charge.end();
    resolve(trailersOf(caller, pipe));
    release();
  };
  const stream = new HostStream(
    {
      ready: () => pipe.readable,
      whenReady: (wake) => pipe.changed.add(wake),
      read(most) {
        try {
          return pipe.read(most);
        } catch (failure) {
          throw codeOf(failure);
        }
      },
    },
    () => {
      // A guest that drops the stream may still wait for the trailers, as far as little enough comes before them.
      if (pipe.isOpen) pipe.skip();
      void closed(pipe).then(settle);
    },
  );
  return [stream, promise];
}

function closed(pipe: BytePipe): Promise<void> {
  return once(pipe, () => !pipe.isOpen);
}

/** Resolves when something is so of a pipe. */
function once(pipe: BytePipe, is: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!is()) return;
      stop();
      resolve();
    };
    const stop = pipe.changed.add(look);
    look();
  });
}

function trailersOf(caller: HostState, pipe: BytePipe): TrailersResult {
  if (!pipe.ended) return { tag: 'err', val: pipe.failure === undefined ? GONE : codeOf(pipe.failure) };
  if (pipe.trailers.length === 0) return { tag: 'ok', val: undefined };
  try {
    return { tag: 'ok', val: receivedFields(caller, pipe.trailers, Fields3) };
  } catch {
    // The store has been ended, because it keeps too much already.
    return { tag: 'err', val: TOO_MUCH };
  }
}
