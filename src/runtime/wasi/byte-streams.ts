import type { ByteInput, ByteOutput } from '#core/ports/bytes';
import { ALWAYS_READY, type Readiness } from './readiness.ts';

/**
 * What stands behind a stream. None of its functions waits: `ready` says whether there is something to do now, and `whenReady`
 * when there may be. Errors are thrown as cases of `wasi:io/streams.stream-error`.
 */
export interface ByteSource extends Readiness {
  /** Whether `read` has bytes, an end or an error to give. */
  ready(): boolean;
  /** At most `length` bytes (more than none); none where none have come yet, undefined at the end. */
  read(length: number): Uint8Array | undefined;
  /** The guest let go of the stream. */
  close?(): void;
}

export interface ByteSink extends Readiness {
  /** Whether `room` has room, an end or an error to tell. */
  ready(): boolean;
  /** Bytes that `write` takes now. */
  room(): number;
  write(bytes: Uint8Array): void;
  /** Hands over what was written; answers what is ready once that is done, or has failed, where that takes time. */
  flush?(): Readiness | undefined;
  /** The guest let go of the stream. */
  close?(): void;
}

/** Always at its end. */
export const NO_BYTES: ByteSource = { ...ALWAYS_READY, read: () => undefined };

/** @param failed the stream error to throw for what an input threw */
export function sourceOf(input: ByteInput, failed: (thrown: unknown) => unknown): ByteSource {
  return {
    ready: () => input.readable,
    whenReady: (wake) => input.changed.add(wake),
    read: (length) => attempt(() => input.read(length), failed),
  };
}

/** @param failed the stream error to throw for what an output threw */
export function sinkOf(output: ByteOutput, failed: (thrown: unknown) => unknown): ByteSink {
  const whenReady: Readiness['whenReady'] = (wake) => output.changed.add(wake);
  const flushed: Readiness = { ready: () => output.flushed, whenReady };
  return {
    ready: () => output.writable,
    whenReady,
    room() {
      const room = attempt(() => output.room, failed);
      if (room === undefined) throw { tag: 'closed' };
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
