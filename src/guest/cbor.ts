import { decodeUtf8, encodeUtf8 } from './utf8.ts';

/** Deeper values are refused: the reader calls itself, and the sandbox's stack is small. */
const MAX_DEPTH = 64;

/**
 * A value as deterministic CBOR (RFC 8949, section 4.2): null, booleans, numbers, text, bytes, lists and records.
 * @throws {TypeError} for anything else
 */
export function encodeCbor(value: unknown): Uint8Array {
  const out: number[] = [];
  write(out, value, 0);
  return Uint8Array.from(out);
}

function write(out: number[], value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH}`);
  if (value === null || value === undefined) out.push(0xf6);
  else if (typeof value === 'boolean') out.push(value ? 0xf5 : 0xf4);
  else if (typeof value === 'number') writeNumber(out, value);
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
  if (Number.isSafeInteger(value)) writeHead(out, value < 0 ? 1 : 0, value < 0 ? -1 - value : value);
  else {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    out.push(0xfb, ...new Uint8Array(view.buffer));
  }
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

/** Reads one CBOR value of definite lengths. @throws {TypeError} where the bytes are anything else */
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
    const count = this.#count(low);
    if (major === 0) return count;
    if (major === 1) return -1 - count;
    if (major === 2) return Uint8Array.from(this.#take(count));
    if (major === 3) return decodeUtf8(this.#take(count));
    if (major === 4) return this.#list(count, depth);
    if (major === 5) return this.#record(count, depth);
    throw new TypeError('CBOR tags are not read');
  }

  #list(count: number, depth: number): unknown[] {
    // Each item takes a byte at least: a length that claims more is a lie.
    if (count > this.left) throw new TypeError('a CBOR list is longer than its bytes');
    return Array.from({ length: count }, () => this.value(depth + 1));
  }

  #record(count: number, depth: number): Record<string, unknown> {
    if (count * 2 > this.left) throw new TypeError('a CBOR map is longer than its bytes');
    const record: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
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

  #count(low: number): number {
    if (low < 24) return low;
    if (low > 27) throw new TypeError('CBOR of indefinite length is not read');
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

/** A 16-bit float; RFC 8949, appendix D. */
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
