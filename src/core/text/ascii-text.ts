/** ASCII text and its bytes, of which shorter texts are parts. */
export interface AsciiBlock {
  readonly text: string;
  readonly bytes: DataView;
}

/** Text that lies in a block of ASCII: who needs its bytes reads no string, and no string is made before one is asked for. */
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
