import { WasmError } from './errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads the primitives of the WebAssembly binary format. The input is attacker-controlled: every read is checked
 * against `end` and every length against the bytes left. Offsets in messages count from the beginning of the file.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get done(): boolean {
    return this.offset >= this.end;
  }

  u8(): number {
    if (this.offset >= this.end) throw this.malformed('the bytes end too early');
    return this.bytes[this.offset++] as number;
  }

  /** Reads an unsigned LEB128 of at most 32 bits. */
  u32(): number {
    let result = 0;
    // Only small integers are stored in fields here: an engine treats a field that once held another kind of number as
    // such for ever.
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (shift === 28 && byte > 0x0f) throw this.malformed('an integer has more than 32 bits');
      result |= (byte & 0x7f) << shift;
      if (byte < 0x80) return result >>> 0;
    }
    throw this.malformed('an integer has more than 32 bits');
  }

  /** Reads an unsigned LEB128 of at most 64 bits. */
  u64(): bigint {
    return BigInt.asUintN(64, this.#leb(64, false));
  }

  /** Reads a signed LEB128 of at most 33 bits, the encoding of block types and heap types. */
  s33(): number {
    return Number(this.#leb(33, true));
  }

  s32(): number {
    return Number(this.#leb(32, true));
  }

  s64(): bigint {
    return this.#leb(64, true);
  }

  /** Returns a view of the next `length` bytes, not a copy. */
  slice(length: number): Uint8Array {
    if (length > this.end - this.offset)
      throw this.malformed(`${length} bytes announced, ${this.end - this.offset} left`);
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  skip(length: number): void {
    this.slice(length);
  }

  /** Returns a reader of the next `length` bytes, and skips them in this reader. */
  sub(length: number): ByteReader {
    const start = this.offset;
    this.skip(length);
    return new ByteReader(this.bytes, start, this.offset);
  }

  /**
   * Reads a count of items that each take at least `minimumBytes`. A count that cannot be true is refused before any
   * loop.
   */
  count(minimumBytes = 1): number {
    const count = this.u32();
    if (count * minimumBytes > this.end - this.offset)
      throw this.malformed(`${count} items are announced, but too few bytes are left`);
    return count;
  }

  /** Reads a length-prefixed UTF-8 name. */
  name(): string {
    const start = this.offset;
    const bytes = this.slice(this.u32());
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw new WasmError('WASM_MALFORMED', `a name at offset ${start} is not UTF-8`, { cause });
    }
  }

  malformed(what: string): WasmError {
    return new WasmError('WASM_MALFORMED', `${what} at offset ${this.offset}`, { details: { offset: this.offset } });
  }

  #leb(bits: number, signed: boolean): bigint {
    let result = 0n;
    for (let shift = 0; shift < bits; shift += 7) {
      const byte = this.u8();
      result |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte >= 0x80) continue;
      const value = signed ? BigInt.asIntN(Math.min(shift + 7, 64), result) : result;
      const fits = signed ? BigInt.asIntN(bits, value) === value : BigInt.asUintN(bits, value) === value;
      if (!fits) break;
      return value;
    }
    throw this.malformed(`an integer has more than ${bits} bits`);
  }
}
