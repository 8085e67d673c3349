import { getRandomBytes } from 'wasi:random/random@0.2.2';
import { missing } from './missing.ts';

/** The most bytes that the Web Cryptography API permits in one call. */
const MAX_BYTES = 65_536;

function getRandomValues<T extends ArrayBufferView>(into: T): T {
  if (
    !ArrayBuffer.isView(into) ||
    into instanceof Float32Array ||
    into instanceof Float64Array ||
    into instanceof DataView
  ) {
    throw new DOMException('getRandomValues takes an array of whole numbers', 'TypeMismatchError');
  }
  if (into.byteLength > MAX_BYTES) {
    throw new DOMException(`getRandomValues gives at most ${MAX_BYTES} bytes at a time`, 'QuotaExceededError');
  }
  new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(getRandomBytes(into.byteLength));
  return into;
}

function randomUUID(): string {
  const bytes = getRandomBytes(16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

const crypto = { getRandomValues, randomUUID };
missing(crypto, 'subtle', 'crypto.subtle', 'bundle a library of JavaScript, as @noble/hashes');
Object.assign(globalThis, { crypto });
