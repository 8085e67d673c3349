import { GrowingBuffer } from '#core/text';

/** The depth to which the guest library reads. */
const MAX_DEPTH = 64;
const NO_KEYS = 'every key of a CBOR map must be a text';

/**
 * Encodes a value as deterministic CBOR (RFC 8949, section 4.2), byte for byte as the guest library does: null,
 * undefined, booleans, numbers, 64-bit integers as bigints, text, bytes, lists, records and maps. Undefined fields are
 * left out, as JSON does.
 * @throws {TypeError} for any other value
 */
export function encodeCbor(value: unknown): Uint8Array {
  const out = new GrowingBuffer(Number.POSITIVE_INFINITY);
  write(out, value, 0);
  return out.bytes.slice();
}

function write(out: GrowingBuffer, value: unknown, depth: number): void {
  if (depth > MAX_DEPTH) throw new TypeError(`nested deeper than ${MAX_DEPTH}`);
  if (typeof value === 'number') writeNumber(out, value);
  else if (typeof value === 'string') writeBytes(out, 3, Buffer.from(value));
  else if (typeof value === 'bigint') writeBigint(out, value);
  else if (value === null) out.append(Uint8Array.of(0xf6));
  else if (value === undefined) out.append(Uint8Array.of(0xf7));
  else if (typeof value === 'boolean') out.append(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (value instanceof Uint8Array) writeBytes(out, 2, value);
  else if (Array.isArray(value)) {
    writeHead(out, 4, value.length);
    for (const item of value) write(out, item, depth + 1);
  } else if (typeof value === 'object') writeRecord(out, value, depth);
  else throw new TypeError(`CBOR has no ${typeof value}`);
}

function writeRecord(out: GrowingBuffer, value: object, depth: number): void {
  const entries = (value instanceof Map ? [...value] : Object.entries(value))
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => {
      if (typeof key !== 'string') throw new TypeError(NO_KEYS);
      return { key: Buffer.from(key), item };
    })
    // Sort keys by their encoded form, which begins with the length.
    .toSorted((one, other) => one.key.length - other.key.length || Buffer.compare(one.key, other.key));
  writeHead(out, 5, entries.length);
  for (const { key, item } of entries) {
    writeBytes(out, 3, key);
    write(out, item, depth + 1);
  }
}

function writeNumber(out: GrowingBuffer, value: number): void {
  // Only a float can be a negative zero.
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) out.append(floatBytes(value));
  else if (value < 0) writeHead(out, 1, -1 - value);
  else writeHead(out, 0, value);
}

function writeBigint(out: GrowingBuffer, value: bigint): void {
  const count = value < 0n ? -1n - value : value;
  if (count >= 2n ** 64n) throw new TypeError('CBOR integers have at most 64 bits');
  writeHead(out, value < 0n ? 1 : 0, count);
}

function writeBytes(out: GrowingBuffer, major: number, bytes: Uint8Array): void {
  writeHead(out, major, bytes.length);
  out.append(bytes);
}

function writeHead(out: GrowingBuffer, major: number, value: number | bigint): void {
  const bits = major << 5;
  if (value < 24) out.append(Uint8Array.of(bits | Number(value)));
  else if (value < 2 ** 8) out.append(Uint8Array.of(bits | 24, Number(value)));
  else {
    const head = new DataView(new ArrayBuffer(9));
    const size = value < 2 ** 16 ? 2 : value < 2 ** 32 ? 4 : 8;
    head.setUint8(8 - size, bits | (size === 2 ? 25 : size === 4 ? 26 : 27));
    head.setBigUint64(1, BigInt(value) | (size === 8 ? 0n : BigInt(head.getUint8(8 - size)) << BigInt(8 * size)));
    out.append(new Uint8Array(head.buffer, 8 - size));
  }
}

/**
 * Encodes a number as the shortest equal float: half, single or double precision. NaN is the quiet half without a
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

/** Returns the bits of the half that equals the single with these bits, or undefined. */
function halfOf(single: number): number | undefined {
  const sign = (single >>> 16) & 0x8000;
  const exponent = (single >>> 23) & 0xff;
  const fraction = single & 0x7fffff;
  if (exponent === 0xff) return fraction === 0 ? sign | 0x7c00 : 0x7e00;
  if (exponent === 0 && fraction === 0) return sign;
  if (exponent >= 113 && exponent <= 142) {
    return fraction & 0x1fff ? undefined : sign | ((exponent - 112) << 10) | (fraction >> 13);
  }
  // Below 2 ** -14 a half is subnormal: the bits that are shifted out must be zero.
  if (exponent < 103 || exponent > 112) return undefined;
  const shift = 126 - exponent;
  const whole = fraction | 0x800000;
  return whole & ((1 << shift) - 1) ? undefined : sign | (whole >> shift);
}
