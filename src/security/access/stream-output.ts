import type { Writable } from 'node:stream';
import type { ByteOutput } from '#core/ports/bytes';
import { Wakers } from '#core/waiting';
import type { StreamHooks } from './stream-input.ts';

/** The most bytes that are buffered until the stream accepts them. */
const BUFFER_BYTES = 64 * 1024;

/** A writable stream of Node's that accepts bytes while it buffers less than 64 KiB of them. */
export class StreamOutput implements ByteOutput {
  readonly changed: Wakers = new Wakers();
  readonly #stream: Writable;
  readonly #hooks: StreamHooks;
  #failure: Error | undefined;
  /** The number of pieces that were written and not accepted by the stream yet. */
  #pending = 0;
  #released = false;

  readonly #onError = (error: Error): void => {
    this.#failure = error;
    this.changed.wake();
  };
  readonly #onClose = (): void => this.changed.wake();

  constructor(stream: Writable, hooks: StreamHooks = {}) {
    this.#stream = stream;
    this.#hooks = hooks;
    stream.on('error', this.#onError).on('close', this.#onClose);
  }

  get writable(): boolean {
    const { writable, writableLength } = this.#stream;
    return this.#failure !== undefined || !writable || writableLength < BUFFER_BYTES;
  }

  get flushed(): boolean {
    return this.#failure !== undefined || this.#stream.destroyed || this.#stream.writableLength === 0;
  }

  get room(): number | undefined {
    this.#usable();
    return this.#stream.writable ? Math.max(0, BUFFER_BYTES - this.#stream.writableLength) : undefined;
  }

  write(bytes: Uint8Array): void {
    this.#usable();
    this.#pending += 1;
    // Copy the bytes, because the writer may reuse its memory.
    this.#stream.write(bytes.slice(), () => {
      this.#pending -= 1;
      this.changed.wake();
      if (this.#released) this.release();
    });
  }

  /**
   * Ends the use of the stream and leaves it unchanged, as soon as it has accepted what was written. Until then its
   * errors are ours.
   */
  release(): void {
    this.#released = true;
    if (this.#pending > 0) return;
    this.#stream.off('error', this.#onError).off('close', this.#onClose);
  }

  #usable(): void {
    this.#hooks.check?.();
    if (this.#failure !== undefined) throw this.#hooks.failed?.(this.#failure) ?? this.#failure;
  }
}
