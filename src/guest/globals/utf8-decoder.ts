import { decodeAscii } from '../utf8.ts';

const REPLACEMENT = 0xfffd;
const BOM = 0xfeff;

/** Decodes UTF-8 by the Encoding Standard: the longest valid beginning of a malformed sequence becomes one U+FFFD. */
export class Utf8Decoder {
  readonly #fatal: boolean;
  #skipsBom: boolean;
  #point = 0;
  #needed = 0;
  #lower = 0x80;
  #upper = 0xbf;

  constructor(fatal: boolean, keepsBom: boolean) {
    this.#fatal = fatal;
    this.#skipsBom = !keepsBom;
  }

  /** @param more whether the next bytes belong to the same text */
  decode(bytes: Uint8Array, more: boolean): string {
    if (this.#needed === 0 && bytes.length > 0) {
      const ascii = decodeAscii(bytes);
      if (ascii !== undefined) {
        this.#skipsBom = false;
        return ascii;
      }
    }
    const parts: string[] = [];
    let points: number[] = [];
    const put = (point: number): void => {
      const skipped = this.#skipsBom && point === BOM;
      this.#skipsBom = false;
      if (!skipped) points.push(point);
      if (points.length < 4_096) return;
      parts.push(String.fromCodePoint(...points));
      points = [];
    };
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index] as number;
      if (this.#needed === 0) {
        if (byte < 0x80) put(byte);
        else if (!this.#begin(byte)) put(this.#malformed());
      } else if (byte < this.#lower || byte > this.#upper) {
        put(this.#malformed());
        // This byte may begin a sequence of its own, so it is read again.
        index -= 1;
      } else {
        this.#lower = 0x80;
        this.#upper = 0xbf;
        this.#point = (this.#point << 6) | (byte & 0x3f);
        this.#needed -= 1;
        if (this.#needed === 0) put(this.#point);
      }
    }
    if (!more && this.#needed > 0) put(this.#malformed());
    return parts.join('') + String.fromCodePoint(...points);
  }

  #begin(byte: number): boolean {
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#point = byte & (0x3f >> this.#needed);
    if (byte === 0xe0) this.#lower = 0xa0;
    if (byte === 0xed) this.#upper = 0x9f;
    if (byte === 0xf0) this.#lower = 0x90;
    if (byte === 0xf4) this.#upper = 0x8f;
    return true;
  }

  #malformed(): number {
    this.#needed = 0;
    this.#lower = 0x80;
    this.#upper = 0xbf;
    if (this.#fatal) throw new TypeError('The encoded data was not valid for encoding utf-8');
    return REPLACEMENT;
  }
}

/** Decodes bytes as `Response.text` and similar methods do. */
export function decodeLossy(bytes: Uint8Array): string {
  return new Utf8Decoder(false, false).decode(bytes, false);
}
