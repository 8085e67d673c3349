/** The most characters of a text that is cached. */
export const MOST_KEPT = 48;
/** Replace the cached text on the first miss, and then on every 16th. */
const PATIENCE = 16;

/**
 * Caches an ASCII text that one place in generated code lowered before, with its bytes, because guests are given the same
 * few ids again and again. A place that always lowers another text pays one comparison.
 */
export class KeptText {
  text = '';
  readonly bytes: DataView = new DataView(new ArrayBuffer(MOST_KEPT));
  #others = 0;

  /** Records a miss: an ASCII text that is not the cached one and whose bytes are in `memory` now. */
  other(text: string, memory: DataView, at: number): void {
    this.#others += 1;
    if (this.#others % PATIENCE !== 1) return;
    this.text = text;
    copyBytes(memory, at, this.bytes, 0, text.length);
  }
}

/** Copies a few bytes. Eight or more are copied eight at a time, and the last eight overlap bytes copied before. */
export function copyBytes(from: DataView, start: number, to: DataView, at: number, length: number): void {
  if (length < 8) {
    for (let index = 0; index < length; index++) to.setUint8(at + index, from.getUint8(start + index));
    return;
  }
  const last = length - 8;
  for (let index = 0; index < last; index += 8)
    to.setBigUint64(at + index, from.getBigUint64(start + index, true), true);
  to.setBigUint64(at + last, from.getBigUint64(start + last, true), true);
}

/** Writes each code unit of a text as one byte. Answers whether the text is ASCII, so that these are its bytes. */
export function writeAscii(text: string, to: DataView, at: number): boolean {
  let all = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    to.setUint8(at + index, unit);
    all |= unit;
  }
  return all < 0x80;
}
