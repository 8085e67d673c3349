import type { Wakers } from '#core/waiting';

/** Bytes that come from outside, as they come. Nothing of it waits. */
export interface ByteInput {
  /** Whether `read` has bytes, the end or an error to give. */
  readonly readable: boolean;
  /** At most `length` bytes; none where none have come yet, undefined at the end. @throws what went wrong */
  read(length: number): Uint8Array | undefined;
  /** Told when `readable` may have changed. */
  readonly changed: Wakers;
}

/** Where bytes go, as fast as they are taken there. Nothing of it waits. */
export interface ByteOutput {
  /** Whether `room` has room, the end or an error to tell. */
  readonly writable: boolean;
  /** Bytes that `write` takes now; undefined where it takes none any more. @throws what went wrong */
  readonly room: number | undefined;
  /** @throws what went wrong */
  write(bytes: Uint8Array): void;
  /** Whether all that was written has left the host, or never will. */
  readonly flushed: boolean;
  /** Told when `writable` or `flushed` may have changed. */
  readonly changed: Wakers;
}

/** The standard streams of a component that are not the runtime's own: no input, and lines of the log. */
export interface Stdio {
  readonly stdin?: ByteInput | undefined;
  readonly stdout?: ByteOutput | undefined;
  readonly stderr?: ByteOutput | undefined;
  /** The component is gone. */
  close(): void;
}
