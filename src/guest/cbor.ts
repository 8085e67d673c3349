import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** Deeper values are refused, because the reader and the writer are recursive and the sandbox's stack is small. */
const MAX_DEPTH = 64;

/**
 * Encodes a value as deterministic CBOR (RFC 8949, section 4.2). It accepts null, undefined, booleans, numbers, 64-bit integers as
 * bigints, text, bytes, lists and records. Undefined fields of a record are left out, as in JSON.
 * @throws {TypeError} for any other value
 */
export function encodeCbor(value: unknown): Uint8Array {
  const out: number[] = [];
  write(out, value, 0);
  return Uint8Array.from(out);
}

function write(out: number[], value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH}`);
  if (value === null) out.push(0xf6);
  else if (value === undefined) out.push(0xf7);
  else if (typeof value === 'boolean') out.push(value ? 0xf5 : 0xf4);
  else if (typeof value === 'number') writeNumber(out, value);
  else if (typeof value === 'bigint') writeBigint(out, value);
  else if (typeof value === 'string') writeBytes(out, 3, encodeUtf8(value));
  else if (value instanceof Uint8Array) writeBytes(out, 2, value);
  else if (Array.isArray(value)) {
    writeHead(out, 4, value.length);
    for (const item of value) write(out, item, depth + 1);
  } else if (typeof value === 'object') {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => ({ key: encodeUtf8(key), item }))
      .sort((a, b) => a.key.length - b.key.length || compare(a.key, b.key));
    writeHead(out, 5, entries.length);
    for (const { key, item } of entries) {
      writeBytes(out, 3, key);
      write(out, item, depth + 1);
    }
  } else throw new TypeError(`CBOR has no ${typeof value}`);
}

function writeNumber(out: number[], value: number): void {
  // Negative zero is written as a float, because CBOR integers have no negative zero.
  if (Number.isSafeInteger(value) && !Object.is(value, -0))
    writeHead(out, value < 0 ? 1 : 0, value < 0 ? -1 - value : value);
  else out.push(...floatBytes(value));
}

function writeBigint(out: number[], value: bigint): void {
  const count = value < 0n ? -1n - value : value;
  if (count >= 2n ** 64n) throw new TypeError('CBOR integers have at most 64 bits');
  if (count <= BigInt(Number.MAX_SAFE_INTEGER)) writeHead(out, value < 0n ? 1 : 0, Number(count));
  else {
    out.push(value < 0n ? 0x3b : 0x1b);
    for (let shift = 56n; shift >= 0n; shift -= 8n) out.push(Number((count >> shift) & 0xffn));
  }
}

/**
 * Encodes a number as the shortest float that is equal: half, single or double precision. NaN becomes the quiet half without a
 * payload.
 * @returns the bytes with their head
 */
function floatBytes(value: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(9));
  view.setFloat32(1, value);
  const half = halfOf(view.getUint32(1));
  if (Number.isNaN(value) || (half !== undefined && view.getFloat32(1) === value)) {
    view.setUint8(0, 0xf9);
    view.setUint16(1, half ?? 0x7e00);
    return new Uint8Array(view.buffer, 0, 3);
  }
  if (view.getFloat32(1) === value) {
    view.setUint8(0, 0xfa);
    return new Uint8Array(view.buffer, 0, 5);
  }
  view.setUint8(0, 0xfb);
  view.setFloat64(1, value);
  return new Uint8Array(view.buffer);
}

/** Returns the bits of the half that is equal to the single with these bits; undefined if there is none. */
function halfOf(single: number): number | undefined {
  const sign = (single >>> 16) & 0x8000;
  const exponent = (single >>> 23) & 0xff;
  const fraction = single & 0x7fffff;
  if (exponent === 0xff) return fraction === 0 ? sign | 0x7c00 : 0x7e00;
  if (exponent === 0 && fraction === 0) return sign;
  if (exponent >= 113 && exponent <= 142) {
    return fraction & 0x1fff ? undefined : sign | ((exponent - 112) << 10) | (fraction >> 13);
  }
  // Below 2 ** -14 a half is subnormal: the bits that are shifted out must be zeros.
  if (exponent < 103 || exponent > 112) return undefined;
  const shift = 126 - exponent;
  const whole = fraction | 0x800000;
  return whole & ((1 << shift) - 1) ? undefined : sign | (whole >> shift);
}

function writeBytes(out: number[], major: number, bytes: Uint8Array): void {
  writeHead(out, major, bytes.length);
  for (const byte of bytes) out.push(byte);
}

function writeHead(out: number[], major: number, value: number): void {
  const bits = major << 5;
  if (value < 24) out.push(bits | value);
  else if (value < 2 ** 8) out.push(bits | 24, value);
  else if (value < 2 ** 16) out.push(bits | 25, value >> 8, value & 0xff);
  else {
    const wide = value >= 2 ** 32;
    out.push(bits | (wide ? 27 : 26));
    for (let shift = wide ? 56 : 24; shift >= 0; shift -= 8) out.push(Math.floor(value / 2 ** shift) % 256);
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}

/**
 * Reads one CBOR value, which need not be deterministic. Text and bytes must have a definite length.
 * @throws {TypeError} if the bytes are anything else
 */
export function decodeCbor(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.left > 0) throw new TypeError('more than one CBOR value');
  return value;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH}`);
    const first = this.#take(1)[0]!;
    const major = first >> 5;
    const low = first & 0x1f;
    if (major === 7) return this.#simple(low);
    if (major <= 1) return this.#integer(low, major === 1);
    if (low === 31 && major === 4) return this.#list(undefined, depth);
    if (low === 31 && major === 5) return this.#record(undefined, depth);
    const count = this.#count(low);
    if (major === 2) return Uint8Array.from(this.#take(count));
    if (major === 3) return decodeUtf8(this.#take(count));
    if (major === 4) return this.#list(count, depth);
    if (major === 5) return this.#record(count, depth);
    throw new TypeError('CBOR tags are not read');
  }

  /** @param count undefined if a break ends the list */
  #list(count: number | undefined, depth: number): unknown[] {
    // Each item takes at least one byte, so a greater count is false.
    if (count !== undefined && count > this.left) throw new TypeError('a CBOR list is longer than its bytes');
    const list: unknown[] = [];
    while (count === undefined ? !this.#atBreak() : list.length < count) list.push(this.value(depth + 1));
    return list;
  }

  #record(count: number | undefined, depth: number): Record<string, unknown> {
    if (count !== undefined && count * 2 > this.left) throw new TypeError('a CBOR map is longer than its bytes');
    const record: Record<string, unknown> = {};
    for (let read = 0; count === undefined ? !this.#atBreak() : read < count; read += 1) {
      const key = this.value(depth + 1);
      if (typeof key !== 'string' || Object.hasOwn(record, key)) throw new TypeError('CBOR keys are different texts');
      Object.defineProperty(record, key, {
        value: this.value(depth + 1),
        enumerable: true,
        writable: true,
        configurable: true,
      });
    }
    return record;
  }

  /** Takes the break byte, which ends a list or map of indefinite length, if it is next. */
  #atBreak(): boolean {
    const found = this.#bytes[this.#at] === 0xff;
    if (found) this.#at += 1;
    return found;
  }

  #simple(low: number): unknown {
    if (low === 20 || low === 21) return low === 21;
    if (low === 22) return null;
    if (low === 23) return undefined;
    if (low < 25 || low > 27) throw new TypeError('a CBOR simple value that is not read');
    const size = 2 ** (low - 24);
    const bytes = this.#take(size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, size);
    return size === 8 ? view.getFloat64(0) : size === 4 ? view.getFloat32(0) : half(view.getUint16(0));
  }

  /** Returns a bigint if a number would not be exact. */
  #integer(low: number, negative: boolean): number | bigint {
    if (low !== 27) return negative ? -1 - this.#count(low) : this.#count(low);
    const count = this.#take(8).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    const value = negative ? -1n - count : count;
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  #count(low: number): number {
    if (low < 24) return low;
    if (low > 27) throw new TypeError('CBOR text and bytes of indefinite length are not read');
    const value = this.#take(2 ** (low - 24)).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!Number.isSafeInteger(value)) throw new TypeError('a CBOR integer beyond 2 ** 53');
    return value;
  }

  #take(count: number): Uint8Array {
    if (count > this.left) throw new TypeError('CBOR ends too early');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

/** Decodes a 16-bit float; RFC 8949, appendix D. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Number.POSITIVE_INFINITY
          : Number.NaN
        : (1 + fraction / 1_024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}
