import { writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable } from 'node:stream';

/**
 * Writes to a file that may become full, without an end: what cannot be written is counted and dropped, and the next write that
 * succeeds says how much is missing. A stream of Node takes nothing more after its first error, and ends the process unless somebody
 * listens.
 */
export class LastingOutput extends Writable {
  readonly #write: (bytes: Uint8Array) => number;
  readonly #told: (lost: number) => string;
  #lost = 0;
  /** Whether the file ends within a line. */
  #isTorn = false;

  /**
   * @param write writes bytes and returns how many; throws if it cannot
   * @param told makes the line that says how many pieces are missing
   */
  constructor(write: (bytes: Uint8Array) => number, told: (lost: number) => string) {
    super({ decodeStrings: true });
    this.#write = write;
    this.#told = told;
  }

  override _write(piece: Buffer, _: BufferEncoding, done: () => void): void {
    const missing = this.#lost === 0 ? '' : this.#told(this.#lost);
    const whole = Buffer.concat([Buffer.from(`${this.#isTorn ? '\n' : ''}${missing}`), piece]);
    let written = 0;
    try {
      while (written < whole.length) written += this.#write(whole.subarray(written));
      this.#lost = 0;
      this.#isTorn = false;
    } catch {
      this.#lost += 1;
      if (written > 0) this.#isTorn = whole[written - 1] !== 0x0a;
    }
    done();
  }
}

/** Returns a stream that outlives a full disk, for a stream that writes to a file; any other stream as it is. */
export function lasting(stream: Writable, told: (lost: number) => string): Writable {
  const { fd } = stream as Writable & { readonly fd?: unknown };
  if (stream instanceof Socket || typeof fd !== 'number') return stream;
  return new LastingOutput((bytes) => writeSync(fd, bytes), told);
}
