import type { Writable } from 'node:stream';
import type { ByteOutput } from '#core/ports/bytes';
import { Wakers } from '#core/waiting';
import type { StreamHooks } from './stream-input.ts';

/** Bytes that are kept of what is written and not taken yet. */
const BUFFER_BYTES = 64 * 1024;

/** A writable stream of Node's, which takes bytes as long as it keeps less than 64 KiB of them. */
export class StreamOutput implements ByteOutput {
  readonly changed: Wakers = new Wakers();
  readonly #stream: Writable;
  readonly #hooks: StreamHooks;
  #failure: Error | undefined;
  /** Pieces that were written and that the stream has not taken yet. */
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
    // Whoever wrote it may use its memory again.
    this.#stream.write(bytes.slice(), () => {
      this.#pending -= 1;
      this.changed.wake();
      if (this.#released) this.release();
    });
  }

  /** Leaves the stream as it is, as soon as it has taken what was written: until then an error of it is ours. */
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
