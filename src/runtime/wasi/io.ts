import { RuntimeError } from '../errors.ts';
import type { HostLinker } from '../host-linker.ts';
import type { CurrentStore, LogChannel } from '../host-state.ts';

/** What a write may hold at most, and what is logged as one line at most. */
const MAX_WRITE_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 8 * 1024;

/** The error cases of `wasi:io/streams.stream-error`. */
const CLOSED = { tag: 'closed' } as const;

/** The resource classes that other WASI interfaces hand out. */
export interface IoClasses {
  readonly Pollable: new (isReady?: () => boolean) => object;
  readonly InputStream: new () => object;
  readonly OutputStream: new (channel?: LogChannel) => object;
}

/**
 * `wasi:io`: streams that lead nowhere but into the log, and pollables that never make the thread wait. A wait that
 * would have to last ends the store with `RUNTIME_WOULD_BLOCK`.
 */
export function defineIo(linker: HostLinker, current: CurrentStore): IoClasses {
  class IoError {
    readonly #text: string;

    constructor(text = 'error') {
      this.#text = text;
    }

    toDebugString(): string {
      return this.#text;
    }
  }

  class Pollable {
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
  }

  /** Standard input: always at its end. */
  class InputStream {
    read(_length: bigint): Uint8Array {
      throw CLOSED;
    }

    blockingRead(_length: bigint): Uint8Array {
      throw CLOSED;
    }

    skip(_length: bigint): bigint {
      throw CLOSED;
    }

    blockingSkip(_length: bigint): bigint {
      throw CLOSED;
    }

    subscribe(): Pollable {
      return new Pollable();
    }
  }

  /** Standard output or error: whole lines become log records. */
  class OutputStream {
    readonly #channel: LogChannel;
    #line: Uint8Array[] = [];
    #lineBytes = 0;

    constructor(channel: LogChannel = 'stdout') {
      this.#channel = channel;
    }

    checkWrite(): bigint {
      return BigInt(MAX_WRITE_BYTES);
    }

    write(contents: Uint8Array): void {
      if (contents.length > MAX_WRITE_BYTES) {
        throw new RuntimeError(
          'RUNTIME_TRAP',
          `a write of ${contents.length} bytes, ${MAX_WRITE_BYTES} were permitted`,
        );
      }
      let start = 0;
      for (let end = contents.indexOf(10); end !== -1; end = contents.indexOf(10, start)) {
        this.#keep(contents.subarray(start, end));
        this.#emit();
        start = end + 1;
      }
      this.#keep(contents.subarray(start));
    }

    flush(): void {
      if (this.#lineBytes > 0) this.#emit();
    }

    blockingWriteAndFlush(contents: Uint8Array): void {
      this.write(contents);
    }

    blockingFlush(): void {
      this.flush();
    }

    writeZeroes(length: bigint): void {
      if (length > BigInt(MAX_WRITE_BYTES)) this.write(new Uint8Array(MAX_WRITE_BYTES + 1));
      this.write(new Uint8Array(Number(length)));
    }

    blockingWriteZeroesAndFlush(length: bigint): void {
      this.writeZeroes(length);
    }

    splice(_source: InputStream, _length: bigint): bigint {
      throw CLOSED;
    }

    blockingSplice(_source: InputStream, _length: bigint): bigint {
      throw CLOSED;
    }

    subscribe(): Pollable {
      return new Pollable();
    }

    #keep(bytes: Uint8Array): void {
      let rest = bytes;
      while (this.#lineBytes + rest.length > MAX_LINE_BYTES) {
        const fits = rest.subarray(0, MAX_LINE_BYTES - this.#lineBytes);
        this.#push(fits);
        this.#emit();
        rest = rest.subarray(fits.length);
      }
      if (rest.length > 0) this.#push(rest);
    }

    #push(bytes: Uint8Array): void {
      this.#line.push(bytes.slice());
      this.#lineBytes += bytes.length;
    }

    #emit(): void {
      const text = Buffer.concat(this.#line, this.#lineBytes).toString('utf8');
      this.#line = [];
      this.#lineBytes = 0;
      current.state.log(this.#channel, text, []);
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
      const ready = pollables.flatMap((pollable, index) => (pollable.ready() ? [index] : []));
      return ready.length > 0 ? Uint32Array.from(ready) : wouldBlock('wasi:io/poll.poll');
    },
  });
  return { Pollable, InputStream, OutputStream };
}
