import { endianness } from 'node:os';
import { digestOf } from '#security/signatures';
import { RegistryError } from './errors.ts';

/** Longest vector that is accepted; the largest models in use have 4,096 dimensions. */
export const MAX_DIMENSIONS = 8_192;

const LITTLE = endianness() === 'LE';

/** Whether cosine similarity with this vector means anything: finite numbers, of a length that is not zero. */
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

/** The vector scaled to length 1; its length squared must be a finite number above 0. */
export function normalize(vector: Float32Array): Float32Array {
  const factor = 1 / lengthOf(vector);
  const unit = new Float32Array(vector.length);
  for (let at = 0; at < vector.length; at += 1) unit[at] = vector[at]! * factor;
  return unit;
}

/** Cosine similarity of two comparable vectors of one length. */
export function cosineOf(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += 1) sum += a[at]! * b[at]!;
  return sum / (lengthOf(a) * lengthOf(b));
}

/** Packed little-endian float32: what the indexes store and what the signature covers. */
export function packVector(vector: Float32Array): Uint8Array {
  if (LITTLE) return new Uint8Array(vector.slice().buffer);
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  vector.forEach((value, at) => {
    view.setFloat32(at * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}

/** The reverse of {@link packVector}; undefined for bytes that are no vector. */
export function unpackVector(bytes: Uint8Array): Float32Array | undefined {
  if (bytes.length === 0 || bytes.length % 4 !== 0 || bytes.length > MAX_DIMENSIONS * 4) return undefined;
  // A driver's Buffer is a view of a pool, and its slice would be another one.
  const copy = new Uint8Array(bytes);
  if (LITTLE) return new Float32Array(copy.buffer);
  const view = new DataView(copy.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(at * 4, true));
}

/** PostgreSQL breaks base64 into lines of so many characters, as MIME does. */
const LINE = 76;

/** As {@link unpackVector}, of base64 with line breaks: each vector is made once and nothing of it is left over. */
export function vectorOfBase64(text: string): Float32Array | undefined {
  const breaks = Math.floor(Math.max(0, text.length - 1) / (LINE + 1));
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const length = ((text.length - breaks) * 3) / 4 - padding;
  if (!Number.isInteger(length) || length <= 0 || length % 4 !== 0 || length > MAX_DIMENSIONS * 4) return undefined;
  const bytes = new Uint8Array(length);
  if (Buffer.from(bytes.buffer).write(text, 'base64') !== length) return undefined;
  return LITTLE ? new Float32Array(bytes.buffer) : unpackVector(bytes);
}

/** Digest of the packed vector. */
export function embeddingDigest(vector: Float32Array): string {
  return digestOf(packVector(vector));
}

/** Euclidean length. */
export function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < vector.length; at += 1) sum += vector[at]! * vector[at]!;
  return Math.sqrt(sum);
}
