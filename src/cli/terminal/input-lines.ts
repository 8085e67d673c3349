import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of an input, each given once, to whoever asks next. A second reader of the same input would miss what the
 * first has taken from it already: what was typed ahead comes in one piece. Nothing is read before the first is wanted.
 *
 * A line ends with a line feed, before which a carriage return does not count, and with nothing else: other separators,
 * such as U+2028, are part of a message.
 */
export class InputLines implements Disposable, AsyncIterable<string> {
  readonly #input: Readable;
  readonly #decoder = new StringDecoder('utf8');
  /** Lines that were read and not asked for yet, the next one last. */
  #ready: string[] = [];
  /** What came of the line that has not ended yet. */
  #parts: string[] = [];
  #chunks: AsyncIterator<Uint8Array | string> | undefined;
  #ended = false;

  constructor(input: Readable) {
    this.#input = input;
  }

  /** The next line; undefined at the end of the input. */
  async next(): Promise<string | undefined> {
    this.#chunks ??= this.#input[Symbol.asyncIterator]();
    while (this.#ready.length === 0 && !this.#ended) {
      const { done, value } = await this.#chunks.next();
      if (done === true) this.#end();
      else this.#take(typeof value === 'string' ? value : this.#decoder.write(value));
    }
    return this.#ready.pop();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for (let line = await this.next(); line !== undefined; line = await this.next()) yield line;
  }

  /** Lets go of the input, which holds the process no longer. */
  [Symbol.dispose](): void {
    if (this.#chunks !== undefined) this.#input.destroy();
  }

  #take(text: string): void {
    const [first = '', ...others] = text.split('\n');
    this.#parts.push(first);
    if (others.length === 0) return;
    const lines = [this.#parts.join(''), ...others];
    this.#parts = [lines.pop() as string];
    this.#ready = lines.map(withoutReturn).toReversed();
  }

  #end(): void {
    this.#ended = true;
    const rest = [...this.#parts, this.#decoder.end()].join('');
    if (rest !== '') this.#ready = [withoutReturn(rest)];
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
