import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * The lines of an input, each given once, to whoever asks next. A second reader of the same input would miss what the
 * first has taken from it already: what was typed ahead comes in one piece. Nothing is read before the first is wanted.
 */
export class InputLines implements Disposable, AsyncIterable<string> {
  readonly #input: Readable;
  #reader: Interface | undefined;
  #lines: AsyncIterator<string> | undefined;

  constructor(input: Readable) {
    this.#input = input;
  }

  /** The next line; undefined at the end of the input. */
  async next(): Promise<string | undefined> {
    this.#reader ??= createInterface({ input: this.#input });
    this.#lines ??= this.#reader[Symbol.asyncIterator]();
    const { done, value } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (let line = await this.next(); line !== undefined; line = await this.next()) yield line;
  }

  /** Lets go of the input, which holds the process no longer. */
  [Symbol.dispose](): void {
    this.#reader?.close();
  }
}
