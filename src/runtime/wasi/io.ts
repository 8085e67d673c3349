import type { HostLinker, HostState } from '#runtime/host';
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

class IoError {
  readonly #charge: HostCharge;
  readonly #text: string;
  readonly code: unknown;

  constructor(caller: HostState, code: unknown, text: string) {
    this.#charge = new HostCharge(caller);
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

export class Pollable {
  readonly #charge: HostCharge;
  readonly #what: Readiness;

  static {
    readinessOf = (pollable) => pollable.#what;
  }

  constructor(caller: HostState, what: Readiness = ALWAYS_READY) {
    this.#charge = new HostCharge(caller);
    this.#what = what;
  }

  ready(): boolean {
    return this.#what.ready();
  }

  block(caller: HostState): Waited<void> {
    return onceReady(caller, this.#what, () => {});
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

let sourceOf: (stream: InputStream) => Readiness;

export class InputStream {
  readonly #charge: HostCharge;
  readonly #source: ByteSource;
  #closed = false;

  static {
    sourceOf = (stream) => stream.#source;
  }

  constructor(caller: HostState, source: ByteSource) {
    this.#charge = new HostCharge(caller);
    this.#source = source;
  }

  read(_: HostState, length: bigint): Uint8Array {
    if (length === 0n) return new Uint8Array();
    const bytes = this.#source.read(bounded(length));
    if (bytes === undefined) throw CLOSED;
    return bytes;
  }

  blockingRead(caller: HostState, length: bigint): Waited<Uint8Array> {
    return length === 0n ? this.read(caller, length) : onceReady(caller, this.#source, () => this.read(caller, length));
  }

  skip(caller: HostState, length: bigint): bigint {
    return BigInt(this.read(caller, length).length);
  }

  blockingSkip(caller: HostState, length: bigint): Waited<bigint> {
    return length === 0n ? 0n : onceReady(caller, this.#source, () => this.skip(caller, length));
  }

  subscribe(caller: HostState): Pollable {
    return new Pollable(
      caller,
      untilClosed(this.#source, () => this.#closed),
    );
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#charge.end();
    this.#source.close?.();
  }
}

export class OutputStream {
  readonly #charge: HostCharge;
  readonly #sink: ByteSink;
  #closed = false;

  constructor(caller: HostState, sink: ByteSink) {
    this.#charge = new HostCharge(caller);
    this.#sink = sink;
  }

  checkWrite(): bigint {
    return BigInt(this.#room());
  }

  write(_: HostState, contents: Uint8Array): void {
    const room = this.#room();
    if (contents.length > room) throw tooMuch(contents.length, room);
    if (contents.length > 0) this.#sink.write(contents);
  }

  flush(): void {
    this.#sink.flush?.();
  }

  blockingWriteAndFlush(caller: HostState, contents: Uint8Array): Waited<void> {
    if (contents.length > MAX_BYTES) throw tooMuch(contents.length, MAX_BYTES);
    let rest = contents;
    while (rest.length > 0) {
      if (!this.#sink.ready()) {
        const left = rest;
        return afterWake(caller, [this.#sink], () => this.blockingWriteAndFlush(caller, left));
      }
      const room = this.#room();
      if (room === 0) throw CLOSED;
      // A part of a small array would move its memory out of V8's heap, where it costs many times as much.
      if (rest.length <= room) {
        this.#sink.write(rest);
        break;
      }
      this.#sink.write(rest.subarray(0, room));
      rest = rest.subarray(room);
    }
    return this.blockingFlush(caller);
  }

  blockingFlush(caller: HostState): Waited<void> {
    const flushed = this.#sink.flush?.();
    // `room` throws if the sink has failed.
    if (flushed !== undefined) return onceReady(caller, flushed, () => void this.#sink.room());
  }

  writeZeroes(caller: HostState, length: bigint): void {
    this.write(caller, zeroes(length));
  }

  blockingWriteZeroesAndFlush(caller: HostState, length: bigint): Waited<void> {
    return this.blockingWriteAndFlush(caller, zeroes(length));
  }

  splice(caller: HostState, source: InputStream, length: bigint): bigint {
    const bytes = source.read(caller, BigInt(Math.min(bounded(length), this.#room())));
    // The sink may keep what it is given, and the source uses its array again.
    this.write(caller, bytes.slice());
    return BigInt(bytes.length);
  }

  blockingSplice(caller: HostState, source: InputStream, length: bigint): Waited<bigint> {
    if (length === 0n) return 0n;
    const spliced = (): bigint => this.splice(caller, source, length);
    return onceReady(caller, this.#sink, () => onceReady(caller, sourceOf(source), spliced));
  }

  subscribe(caller: HostState): Pollable {
    return new Pollable(
      caller,
      untilClosed(this.#sink, () => this.#closed),
    );
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

/** Makes the error that a source or sink throws. @param code the error's name in the interface that made the stream */
export function failed(caller: HostState, code: unknown, text: string): StreamError {
  return { tag: 'last-operation-failed', val: new IoError(caller, code, text) };
}

/** The `code` that `failed` was given for an error resource; undefined for anything else. */
export function codeOf(error: unknown): unknown {
  return error instanceof IoError ? error.code : undefined;
}

/** Defines `wasi:io`: streams and pollables. A call on something that is not ready makes the turn wait, never the thread. */
export function defineIo(linker: HostLinker): void {
  linker.define('wasi:io/error@0.2.0', { Error: IoError });
  linker.define('wasi:io/streams@0.2.0', { InputStream, OutputStream });
  linker.define('wasi:io/poll@0.2.0', { Pollable, poll });
}

function poll(caller: HostState, pollables: readonly Pollable[]): Waited<Uint32Array> {
  if (pollables.length === 0) throw new RuntimeError('RUNTIME_TRAP', 'wasi:io/poll.poll was given no pollables');
  if (pollables.length > MAX_POLLED) {
    const message = `wasi:io/poll.poll was given ${pollables.length} pollables; give it at most ${MAX_POLLED}`;
    throw new RuntimeError('RUNTIME_TRAP', message);
  }
  return polled(caller, pollables.map(readinessOf));
}

/** Returns the indices of the ready pollables. If none is ready, the turn waits for the first. */
function polled(caller: HostState, all: readonly Readiness[]): Waited<Uint32Array> {
  const ready = all.flatMap((each, index) => (each.ready() ? [index] : []));
  if (ready.length > 0) return Uint32Array.from(ready);
  return afterWake(caller, [...new Set(all)], () => polled(caller, all));
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
