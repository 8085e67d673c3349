/**
 * What stands behind a stream. None of it waits: `ready` and `room` say whether there is something to do now. Errors are
 * thrown as cases of `wasi:io/streams.stream-error`.
 */
export interface ByteSource {
  /** Whether `read` has bytes, an end or an error to give. */
  ready(): boolean;
  /** At most `length` bytes (more than none); none where none have come yet, undefined at the end. */
  read(length: number): Uint8Array | undefined;
  /** The guest let go of the stream. */
  close?(): void;
}

export interface ByteSink {
  /** Bytes that `write` takes now. */
  room(): number;
  write(bytes: Uint8Array): void;
  /** Hands over what was written. */
  flush?(): void;
  /** The guest let go of the stream. */
  close?(): void;
}

/** Always at its end. */
export const NO_BYTES: ByteSource = { ready: () => true, read: () => undefined };
