import { endianness } from 'node:os';
import { digestOf } from '#security/signatures';
import { RegistryError } from './errors.ts';

/** The longest vector that is accepted. The largest models in use have 4,096 dimensions. */
export const MAX_DIMENSIONS = 8_192;

const LITTLE = endianness() === 'LE';

/** Whether the cosine similarity with this vector is defined: all its numbers are finite and its length is not zero. */
export function isComparable(vector: Float32Array): boolean {
  const length = lengthOf(vector);
  return vector.length > 0 && vector.length <= MAX_DIMENSIONS && Number.isFinite(length) && length > 0;
}

/** @throws {RegistryError} `REGISTRY_INVALID_EMBEDDING` */
export function checkEmbedding(vector: Float32Array): void {
  if (isComparable(vector)) return;
  throw new RegistryError(
    'REGISTRY_INVALID_EMBEDDING',
    `an embedding of ${vector.length} dimensions, length ${lengthOf(vector)}, cannot be compared; give 1 to ${MAX_DIMENSIONS} finite numbers that are not all zero`,
  );
}

/** Scales a vector to length 1. The square of its length must be a finite number above 0. */
export function normalize(vector: Float32Array): Float32Array {
  const factor = 1 / lengthOf(vector);
  const unit = new Float32Array(vector.length);
  for (let at = 0; at < vector.length; at += 1) unit[at] = vector[at]! * factor;
  return unit;
}

/** Computes the cosine similarity of two comparable vectors of equal length. */
export function cosineOf(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += a[at]! * b[at]!;
  return sum / (lengthOf(a) * lengthOf(b));
}

/** Packs a vector as little-endian float32, the form that indexes store and signatures cover. */
export function packVector(vector: Float32Array): Uint8Array {
  if (LITTLE) return new Uint8Array(vector.slice().buffer);
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, at) => {
    view.setFloat32(at * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** Unpacks what {@link packVector} packed; undefined for bytes that are not a vector. */
export function unpackVector(bytes: Uint8Array): Float32Array | undefined {
  if (bytes.length === 0 || bytes.length % 4 !== 0 || bytes.length > MAX_DIMENSIONS * 4) return undefined;
  // Make a copy: a driver's Buffer is a view of a pool, and `slice` would be another view.
  const copy = new Uint8Array(bytes);
  if (LITTLE) return new Float32Array(copy.buffer);
  const view = new DataView(copy.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(at * 4, true));
}

/** PostgreSQL breaks base64 into lines of this length, as MIME does. */
const LINE = 76;

/**
 * Unpacks base64 with line breaks as {@link unpackVector} does. Each vector is allocated once and leaves no garbage.
 */
export function vectorOfBase64(text: string): Float32Array | undefined {
  const breaks = Math.floor(Math.max(0, text.length - 1) / (LINE + 1));
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const length = ((text.length - breaks) * 3) / 4 - padding;
  if (!Number.isInteger(length) || length <= 0 || length % 4 !== 0 || length > MAX_DIMENSIONS * 4) return undefined;
  const bytes = new Uint8Array(length);
  if (Buffer.from(bytes.buffer).write(text, 'base64') !== length) return undefined;
  return LITTLE ? new Float32Array(bytes.buffer) : unpackVector(bytes);
}

/** Returns the digest of the packed vector. */
export function embeddingDigest(vector: Float32Array): string {
  return digestOf(packVector(vector));
}

/** Returns the Euclidean length. */
export function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < vector.length; at += 1) sum += vector[at]! * vector[at]!;
  return Math.sqrt(sum);
}
