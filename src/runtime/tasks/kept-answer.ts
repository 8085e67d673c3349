import type { KeptBytes } from '#core/limits';

/** What the host keeps of a call's answer, whose streams it reads to their ends, until the call has ended. */
export class KeptAnswer {
  readonly #bytes: KeptBytes;
  readonly #readers: { close(): void }[] = [];

  constructor(bytes: KeptBytes) {
    this.#bytes = bytes;
  }

  /** Charges the store for bytes. Returns false if fewer are left. */
  take(bytes: number): boolean {
    return this.#bytes.take(bytes);
  }

  /** Notes a reader, for `giveUp`. */
  readBy(reader: { close(): void }): void {
    this.#readers.push(reader);
  }

  /** Nobody takes the answer any more: who writes its streams is told that nobody reads them. Called in the turn. */
  giveUp(): void {
    for (const reader of this.#readers) reader.close();
  }

  /** The call has ended. */
  end(): void {
    this.#bytes.end();
    this.#readers.length = 0;
  }
}
