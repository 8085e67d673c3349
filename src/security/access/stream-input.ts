import type { Readable } from 'node:stream';
import type { ByteInput } from '#core/ports/bytes';
import { Wakers } from '#core/waiting';

/** What the owner of a stream adds to it. */
export interface StreamHooks {
  /** Called before each use; throws when the use is not permitted any more. */
  readonly check?: () => void;
  /** Makes the error to throw for an error of the stream. */
  readonly failed?: (error: Error) => Error;
}

/**
 * A readable byte stream of Node's that is read piece by piece. Nothing is taken out of it before a reader asks. Node
 * buffers as much as the stream's `readableHighWaterMark`, and makes the other side wait beyond that.
 */
export class StreamInput implements ByteInput {
  readonly changed: Wakers = new Wakers();
  readonly #stream: Readable;
  readonly #hooks: StreamHooks;
  #begun = false;
  #ended = false;
  #failure: Error | undefined;

  readonly #onError = (error: Error): void => {
    this.#failure = error;
    this.changed.wake();
  };
  readonly #onEnd = (): void => {
    this.#ended = true;
    this.changed.wake();
  };
  readonly #onReadable = (): void => {
    // A reader learns of the end when it reads beyond the received bytes.
    if (this.#stream.readableLength === 0) this.#stream.read();
    this.changed.wake();
  };

  constructor(stream: Readable, hooks: StreamHooks = {}) {
    this.#stream = stream;
    this.#hooks = hooks;
    this.#ended = stream.destroyed || stream.readableEnded;
    stream.on('error', this.#onError).on('close', this.#onEnd);
  }

  get readable(): boolean {
    this.begin();
    return this.#stream.readableLength > 0 || this.#ended || this.#failure !== undefined;
  }

  read(length: number): Uint8Array | undefined {
    this.begin();
    this.#hooks.check?.();
    const { readableLength } = this.#stream;
    if (readableLength > 0) {
      const bytes = this.#stream.read(Math.min(length, readableLength)) as Uint8Array | null;
      // If the end came before the last bytes were read, a reader learns of it when it reads beyond them.
      if (this.#stream.readableLength === 0) this.#stream.read(0);
      return bytes ?? undefined;
    }
    if (this.#failure !== undefined) throw this.#hooks.failed?.(this.#failure) ?? this.#failure;
    return this.#ended ? undefined : new Uint8Array();
  }

  /** Starts to receive bytes and to notice the end. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#stream.on('end', this.#onEnd).on('readable', this.#onReadable);
  }

  /** Ends the use of the stream and leaves the stream unchanged. */
  release(): void {
    this.#begun = true;
    this.#ended = true;
    this.#stream.off('error', this.#onError).off('close', this.#onEnd);
    this.#stream.off('end', this.#onEnd).off('readable', this.#onReadable);
    this.#stream.pause();
    this.changed.wake();
  }
}
