import type { ByteInput, ByteOutput } from '#core/ports/bytes';
import { ALWAYS_READY, type Readiness } from './readiness.ts';

/**
 * The implementation behind an input stream. None of its functions waits: `ready` says whether there is something to do now, and
 * `whenReady` calls back when there may be. Errors are thrown as cases of `wasi:io/streams.stream-error`.
 */
export interface ByteSource extends Readiness {
  /** Whether `read` can return bytes or the end, or throw an error. */
  ready(): boolean;
  /**
   * Reads at most `length` bytes; `length` is above 0. Returns none if none have arrived yet, undefined at the end. The array may be
   * used again by the next read.
   */
  read(length: number): Uint8Array | undefined;
  /** Called when the guest drops the stream. */
  close?(): void;
}

export interface ByteSink extends Readiness {
  /** Whether `room` is above 0, or can report the end or an error. */
  ready(): boolean;
  /** The number of bytes that `write` accepts now. */
  room(): number;
  write(bytes: Uint8Array): void;
  /** Sends on what was written. If that takes time, returns a readiness that becomes ready once it is done or has failed. */
  flush?(): Readiness | undefined;
  /** Called when the guest drops the stream. */
  close?(): void;
}

/** A source that is always at its end. */
export const NO_BYTES: ByteSource = { ...ALWAYS_READY, read: () => undefined };

/** @param failed returns the error case to throw for what the input threw */
export function sourceOf(input: ByteInput, failed: (thrown: unknown) => unknown): ByteSource {
  return {
    ready: () => input.readable,
    whenReady: (wake) => input.changed.add(wake),
    read: (length) => attempt(() => input.read(length), failed),
  };
}

/**
 * @param failed returns the error case to throw for what the output threw
 * @param closed the error case for an output that accepts no more
 */
export function sinkOf(
  output: ByteOutput,
  failed: (thrown: unknown) => unknown,
  closed: unknown = { tag: 'closed' },
): ByteSink {
  const whenReady: Readiness['whenReady'] = (wake) => output.changed.add(wake);
  const flushed: Readiness = { ready: () => output.flushed, whenReady };
  return {
    ready: () => output.writable,
    whenReady,
    room() {
      const room = attempt(() => output.room, failed);
      if (room === undefined) throw closed;
      return room;
    },
    write: (bytes) => attempt(() => output.write(bytes), failed),
    flush: () => flushed,
  };
}

function attempt<T>(operation: () => T, failed: (thrown: unknown) => unknown): T {
  try {
    return operation();
  } catch (thrown) {
    throw failed(thrown);
  }
}
