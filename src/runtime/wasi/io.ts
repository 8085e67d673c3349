import type { CurrentStore, HostLinker } from '#runtime/host';
import { RuntimeError } from '../errors.ts';
import type { ByteSink, ByteSource } from './byte-streams.ts';
import { HostCharge } from './host-charge.ts';
import { ALWAYS_READY, afterWake, onceReady, type Readiness, type Waited } from './readiness.ts';

/** The most bytes of one read or write, because more in one call would make the host work much for little fuel. */
const MAX_BYTES = 64 * 1024;

/** The most pollables of one `poll`, because a guest may put one pollable into a list a million times. */
const MAX_POLLED = 4_096;

/** `wasi:io/streams.stream-error`, with its error resource. */
export type StreamError = { readonly tag: 'closed' } | { readonly tag: 'last-operation-failed'; readonly val: object };

const CLOSED: StreamError = { tag: 'closed' };

/** The resource classes of `wasi:io` that other WASI interfaces hand out, and their error helpers. */
export interface Io {
  /** @param what what the pollable waits for; by default it is always ready */
  readonly Pollable: new (
    what?: Readiness,
  ) => object;
  readonly InputStream: new (source: ByteSource) => object;
  readonly OutputStream: new (sink: ByteSink) => object;
  /** Makes the error that a source or sink throws. `code` is the error's name in the interface that made the stream. */
  failed(code: unknown, text: string): StreamError;
  /** The `code` that `failed` was given for an error resource; undefined for anything else. */
  codeOf(error: unknown): unknown;
}

/** Defines `wasi:io`: streams and pollables. A call on something that is not ready makes the turn wait, never the thread. */
export function defineIo(linker: HostLinker, current: CurrentStore): Io {
  class IoError {
    readonly #charge = new HostCharge(current.state);
    readonly #text: string;
    readonly code: unknown;

    constructor(code: unknown, text: string) {
      this.code = code;
      this.#text = text;
    }

    toDebugString(): string {
      return this.#text;
    }

    [Symbol.dispose](): void {
      this.#charge.end();
    }
  }

  let readinessOf: (pollable: Pollable) => Readiness;

  class Pollable {
    readonly #charge = new HostCharge(current.state);
    readonly #what: Readiness;

    static {
      readinessOf = (pollable) => pollable.#what;
    }

    constructor(what: Readiness = ALWAYS_READY) {
      this.#what = what;
    }

    ready(): boolean {
      return this.#what.ready();
    }

    block(): Waited<void> {
      return onceReady(current.state, this.#what, () => {});
    }

    [Symbol.dispose](): void {
      this.#charge.end();
    }
  }

  let sourceOf: (stream: InputStream) => Readiness;

  class InputStream {
    readonly #charge = new HostCharge(current.state);
    readonly #source: ByteSource;
    #closed = false;

    static {
      sourceOf = (stream) => stream.#source;
    }

    constructor(source: ByteSource) {
      this.#source = source;
    }

    read(length: bigint): Uint8Array {
      if (length === 0n) return new Uint8Array();
      const bytes = this.#source.read(bounded(length));
      if (bytes === undefined) throw CLOSED;
      return bytes;
    }

    blockingRead(length: bigint): Waited<Uint8Array> {
      return length === 0n ? this.read(length) : onceReady(current.state, this.#source, () => this.read(length));
    }

    skip(length: bigint): bigint {
      return BigInt(this.read(length).length);
    }

    blockingSkip(length: bigint): Waited<bigint> {
      return length === 0n ? 0n : onceReady(current.state, this.#source, () => this.skip(length));
    }

    subscribe(): Pollable {
      return new Pollable(untilClosed(this.#source, () => this.#closed));
    }

    [Symbol.dispose](): void {
      this.#closed = true;
      this.#charge.end();
      this.#source.close?.();
    }
  }

  class OutputStream {
    readonly #charge = new HostCharge(current.state);
    readonly #sink: ByteSink;
    #closed = false;

    constructor(sink: ByteSink) {
      this.#sink = sink;
    }

    checkWrite(): bigint {
      return BigInt(this.#room());
    }

    write(contents: Uint8Array): void {
      const room = this.#room();
      if (contents.length > room) throw tooMuch(contents.length, room);
      if (contents.length > 0) this.#sink.write(contents);
    }

    flush(): void {
      this.#sink.flush?.();
    }

    blockingWriteAndFlush(contents: Uint8Array): Waited<void> {
      if (contents.length > MAX_BYTES) throw tooMuch(contents.length, MAX_BYTES);
      let rest = contents;
      while (rest.length > 0) {
        if (!this.#sink.ready()) {
          const left = rest;
          return afterWake(current.state, [this.#sink], () => this.blockingWriteAndFlush(left));
        }
        const room = this.#room();
        if (room === 0) throw CLOSED;
        this.write(rest.subarray(0, room));
        rest = rest.subarray(room);
      }
      return this.blockingFlush();
    }

    blockingFlush(): Waited<void> {
      const flushed = this.#sink.flush?.();
      // `room` throws if the sink has failed.
      if (flushed !== undefined) return onceReady(current.state, flushed, () => void this.#sink.room());
    }

    writeZeroes(length: bigint): void {
      this.write(zeroes(length));
    }

    blockingWriteZeroesAndFlush(length: bigint): Waited<void> {
      return this.blockingWriteAndFlush(zeroes(length));
    }

    splice(source: InputStream, length: bigint): bigint {
      const bytes = source.read(BigInt(Math.min(bounded(length), this.#room())));
      this.write(bytes);
      return BigInt(bytes.length);
    }

    blockingSplice(source: InputStream, length: bigint): Waited<bigint> {
      if (length === 0n) return 0n;
      const { state } = current;
      return onceReady(state, this.#sink, () => onceReady(state, sourceOf(source), () => this.splice(source, length)));
    }

    subscribe(): Pollable {
      return new Pollable(untilClosed(this.#sink, () => this.#closed));
    }

    [Symbol.dispose](): void {
      this.#closed = true;
      this.#charge.end();
      this.#sink.close?.();
    }

    #room(): number {
      return Math.min(this.#sink.room(), MAX_BYTES);
    }
  }

  linker.define('wasi:io/error@0.2.0', { Error: IoError });
  linker.define('wasi:io/streams@0.2.0', { InputStream, OutputStream });
  linker.define('wasi:io/poll@0.2.0', {
    Pollable,
    poll(pollables: readonly Pollable[]): Waited<Uint32Array> {
      if (pollables.length === 0) throw new RuntimeError('RUNTIME_TRAP', 'wasi:io/poll.poll was given no pollables');
      if (pollables.length > MAX_POLLED) {
        const message = `wasi:io/poll.poll was given ${pollables.length} pollables; give it at most ${MAX_POLLED}`;
        throw new RuntimeError('RUNTIME_TRAP', message);
      }
      return polled(pollables.map(readinessOf));
    },
  });

  /** Returns the indices of the ready pollables. If none is ready, the turn waits for the first. */
  function polled(all: readonly Readiness[]): Waited<Uint32Array> {
    const ready = all.flatMap((each, index) => (each.ready() ? [index] : []));
    if (ready.length > 0) return Uint32Array.from(ready);
    return afterWake(current.state, [...new Set(all)], () => polled(all));
  }

  return {
    Pollable,
    InputStream,
    OutputStream,
    failed: (code, text) => ({ tag: 'last-operation-failed', val: new IoError(code, text) }),
    codeOf: (error) => (error instanceof IoError ? error.code : undefined),
  };
}

function tooMuch(bytes: number, room: number): RuntimeError {
  return new RuntimeError('RUNTIME_TRAP', `a write of ${bytes} bytes, ${room} were permitted`);
}

/** The readiness of a stream's pollable. The pollable may outlive the stream, and is always ready once the stream is closed. */
function untilClosed(stream: Readiness, isClosed: () => boolean): Readiness {
  return { ready: () => isClosed() || stream.ready(), whenReady: (wake) => stream.whenReady(wake) };
}

/** Makes zeroes, at most one more than a write permits, because the guest must not choose how much the host allocates. */
function zeroes(length: bigint): Uint8Array {
  return new Uint8Array(length > BigInt(MAX_BYTES) ? MAX_BYTES + 1 : Number(length));
}

function bounded(length: bigint): number {
  return length > BigInt(MAX_BYTES) ? MAX_BYTES : Number(length);
}
