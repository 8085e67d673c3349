/** ASCII text and its bytes, in which shorter texts are ranges. */
export interface AsciiBlock {
  readonly text: string;
  readonly bytes: DataView;
}

/** A text in a block of ASCII. Readers of bytes need no string, and a string is made only on request. */
export class AsciiText {
  readonly block: AsciiBlock;
  readonly start: number;
  readonly length: number;
  #text: string | undefined;

  constructor(block: AsciiBlock, start: number, length: number) {
    this.block = block;
    this.start = start;
    this.length = length;
  }

  toString(): string {
    this.#text ??= this.block.text.slice(this.start, this.start + this.length);
    return this.#text;
  }
}
