import { RuntimeError } from '../errors.ts';
import type { HostLinker } from '../host/host-linker.ts';
import type { CurrentStore } from '../host/host-state.ts';
import type { ByteSink, ByteSource } from './byte-streams.ts';
import { HostCharge } from './host-charge.ts';

/** What one read gives and one write takes at most: more in one call would be much host work for little fuel. */
const MAX_BYTES = 64 * 1024;

/** Pollables that one call asks; a list may hold one of them a million times. */
const MAX_POLLED = 4_096;

/** `wasi:io/streams.stream-error`, the error resource in it included. */
export type StreamError = { readonly tag: 'closed' } | { readonly tag: 'last-operation-failed'; readonly val: object };

const CLOSED: StreamError = { tag: 'closed' };

/** The resource classes that other WASI interfaces hand out, and what they build with them. */
export interface Io {
  /** @param isReady whether waiting for it would end at once */
  readonly Pollable: new (
    isReady?: () => boolean,
  ) => object;
  readonly InputStream: new (source: ByteSource) => object;
  readonly OutputStream: new (sink: ByteSink) => object;
  /** The error to throw out of a source or sink. `code` is what the interface that made the stream calls it. */
  failed(code: unknown, text: string): StreamError;
  /** What `failed` was given for an error resource. */
  codeOf(error: unknown): unknown;
  /** Ends the store: the guest asked to wait. */
  wouldBlock(what: string): never;
}

/**
 * `wasi:io`: streams and pollables that never make the thread wait. A wait that would have to last ends the store with
 * `RUNTIME_WOULD_BLOCK`.
 */
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

  class Pollable {
    readonly #charge = new HostCharge(current.state);
    readonly #isReady: () => boolean;

    constructor(isReady: () => boolean = () => true) {
      this.#isReady = isReady;
    }

    ready(): boolean {
      return this.#isReady();
    }

    block(): void {
      if (!this.#isReady()) wouldBlock('wasi:io/poll.pollable.block');
    }

    [Symbol.dispose](): void {
      this.#charge.end();
    }
  }

  class InputStream {
    readonly #charge = new HostCharge(current.state);
    readonly #source: ByteSource;

    constructor(source: ByteSource) {
      this.#source = source;
    }

    read(length: bigint): Uint8Array {
      if (length === 0n) return new Uint8Array();
      const bytes = this.#source.read(bounded(length));
      if (bytes === undefined) throw CLOSED;
      return bytes;
    }

    blockingRead(length: bigint): Uint8Array {
      this.#mustBeReady('read');
      return this.read(length);
    }

    skip(length: bigint): bigint {
      return BigInt(this.read(length).length);
    }

    blockingSkip(length: bigint): bigint {
      this.#mustBeReady('skip');
      return this.skip(length);
    }

    subscribe(): Pollable {
      return new Pollable(() => this.#source.ready());
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      this.#source.close?.();
    }

    #mustBeReady(what: string): void {
      if (!this.#source.ready()) wouldBlock(`wasi:io/streams.input-stream.blocking-${what}`);
    }
  }

  class OutputStream {
    readonly #charge = new HostCharge(current.state);
    readonly #sink: ByteSink;

    constructor(sink: ByteSink) {
      this.#sink = sink;
    }

    checkWrite(): bigint {
      return BigInt(this.#room());
    }

    write(contents: Uint8Array): void {
      const room = this.#room();
      if (contents.length > room) {
        throw new RuntimeError('RUNTIME_TRAP', `a write of ${contents.length} bytes, ${room} were permitted`);
      }
      if (contents.length > 0) this.#sink.write(contents);
    }

    flush(): void {
      this.#sink.flush?.();
    }

    blockingWriteAndFlush(contents: Uint8Array): void {
      this.#mustHave(contents.length, 'write-and-flush');
      this.write(contents);
      this.flush();
    }

    blockingFlush(): void {
      this.flush();
    }

    writeZeroes(length: bigint): void {
      // One more than is ever permitted: a length of its own would be the guest's to choose.
      this.write(new Uint8Array(length > BigInt(MAX_BYTES) ? MAX_BYTES + 1 : Number(length)));
    }

    blockingWriteZeroesAndFlush(length: bigint): void {
      this.#mustHave(bounded(length), 'write-zeroes-and-flush');
      this.writeZeroes(length);
      this.flush();
    }

    splice(source: InputStream, length: bigint): bigint {
      const bytes = source.read(BigInt(Math.min(bounded(length), this.#room())));
      this.write(bytes);
      return BigInt(bytes.length);
    }

    blockingSplice(source: InputStream, length: bigint): bigint {
      this.#mustHave(1, 'splice');
      const bytes = source.blockingRead(BigInt(Math.min(bounded(length), this.#room())));
      this.write(bytes);
      return BigInt(bytes.length);
    }

    subscribe(): Pollable {
      return new Pollable(() => isWritable(this.#sink));
    }

    [Symbol.dispose](): void {
      this.#charge.end();
      this.#sink.close?.();
    }

    #room(): number {
      return Math.min(this.#sink.room(), MAX_BYTES);
    }

    #mustHave(bytes: number, what: string): void {
      if (this.#sink.room() < bytes) wouldBlock(`wasi:io/streams.output-stream.blocking-${what}`);
    }
  }

  function wouldBlock(what: string): never {
    return current.state.stop(
      new RuntimeError(
        'RUNTIME_WOULD_BLOCK',
        `${what} would have to wait; start the work in one turn, read it in a later one`,
      ),
    );
  }

  linker.define('wasi:io/error@0.2.0', { Error: IoError });
  linker.define('wasi:io/streams@0.2.0', { InputStream, OutputStream });
  linker.define('wasi:io/poll@0.2.0', {
    Pollable,
    poll(pollables: readonly Pollable[]): Uint32Array {
      if (pollables.length === 0) throw new RuntimeError('RUNTIME_TRAP', 'wasi:io/poll.poll was given no pollables');
      if (pollables.length > MAX_POLLED) {
        const message = `wasi:io/poll.poll was given ${pollables.length} pollables; give it at most ${MAX_POLLED}`;
        throw new RuntimeError('RUNTIME_TRAP', message);
      }
      const ready = pollables.flatMap((pollable, index) => (pollable.ready() ? [index] : []));
      return ready.length > 0 ? Uint32Array.from(ready) : wouldBlock('wasi:io/poll.poll');
    },
  });
  return {
    Pollable,
    InputStream,
    OutputStream,
    failed: (code, text) => ({ tag: 'last-operation-failed', val: new IoError(code, text) }),
    codeOf: (error) => (error instanceof IoError ? error.code : undefined),
    wouldBlock,
  };
}

/** There is something to do with a sink that has an error to tell, too. */
function isWritable(sink: ByteSink): boolean {
  try {
    return sink.room() > 0;
  } catch (thrown) {
    if (thrown instanceof Error) throw thrown;
    return true;
  }
}

function bounded(length: bigint): number {
  return length > BigInt(MAX_BYTES) ? MAX_BYTES : Number(length);
}
