import type { Wakers } from '#core/waiting';

/** Bytes from outside, as they arrive. No method waits. */
export interface ByteInput {
  /** Whether `read` can return bytes, the end or an error. */
  readonly readable: boolean;
  /**
   * Reads at most `length` bytes: none when none have arrived yet, undefined at the end. @throws the error of the
   * stream
   */
  read(length: number): Uint8Array | undefined;
  /** Wakes when `readable` may have changed. */
  readonly changed: Wakers;
}

/** Receives bytes as fast as they are accepted. No method waits. */
export interface ByteOutput {
  /** Whether `room` is above zero, or can report the end or an error. */
  readonly writable: boolean;
  /** How many bytes `write` accepts now; undefined when it accepts no more at all. @throws the error of the stream */
  readonly room: number | undefined;
  /** @throws the error of the stream */
  write(bytes: Uint8Array): void;
  /** Whether everything that was written has left the host, or never will. */
  readonly flushed: boolean;
  /** Wakes when `writable` or `flushed` may have changed. */
  readonly changed: Wakers;
}

/** A component's standard streams that replace the runtime's own, which are empty input and lines of the log. */
export interface Stdio {
  readonly stdin?: ByteInput | undefined;
  readonly stdout?: ByteOutput | undefined;
  readonly stderr?: ByteOutput | undefined;
  /** Called when the component is gone. */
  close(): void;
}
