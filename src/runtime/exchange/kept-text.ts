/** Longer texts are not kept. */
export const MOST_KEPT = 48;
/** One of so many texts that were not the kept one takes its place. */
const PATIENCE = 16;

/**
 * The ASCII text that a place in generated code lowered before, and its bytes: the same few ids are lowered again and
 * again. A place whose text always is another's pays a comparison.
 */
export class KeptText {
  text = '';
  readonly bytes: DataView = new DataView(new ArrayBuffer(MOST_KEPT));
  #others = 0;

  /** Told of ASCII that is not the kept text and lies in `memory` now. */
  other(text: string, memory: DataView, at: number): void {
    this.#others += 1;
    if (this.#others % PATIENCE !== 1) return;
    this.text = text;
    copyBytes(memory, at, this.bytes, 0, text.length);
  }
}

/** Copies a few bytes: eight at once where there are as many, the last eight over some that were copied before. */
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

/** Writes a text unit by unit: whether it is ASCII, so that these are its bytes. */
export function writeAscii(text: string, to: DataView, at: number): boolean {
  let all = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    to.setUint8(at + index, unit);
    all |= unit;
  }
  return all < 0x80;
}
