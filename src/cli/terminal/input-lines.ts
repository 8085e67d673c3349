import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/**
 * Splits an input into lines and gives each line to one caller. All callers must share this reader, because lines that were typed
 * ahead arrive in one chunk, and a second reader would miss those that the first has read. Nothing is read before the first
 * line is asked for.
 *
 * Only a line feed, optionally after a carriage return, ends a line. Other separators, such as U+2028, are part of a message.
 */
export class InputLines implements Disposable, AsyncIterable<string> {
  readonly #input: Readable;
  readonly #decoder = new StringDecoder('utf8');
  /** Lines that were read but not yet asked for. The next one is the last element. */
  #ready: string[] = [];
  /** The parts of the last line, which has not ended yet. */
  #parts: string[] = [];
  #chunks: AsyncIterator<Uint8Array | string> | undefined;
  #ended = false;

  constructor(input: Readable) {
    this.#input = input;
  }

  /** Returns the next line; undefined at the end of the input. */
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

  /** Closes the input, which then no longer keeps the process alive. */
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
