/** Up to this many bytes a loop is faster than a call that copies, and a new array needs no buffer outside V8's heap. */
const SMALL = 64;

export function writeBytes(bytes: Uint8Array, to: Uint8Array, at: number): void {
  const { length } = bytes;
  if (length > SMALL) to.set(bytes, at);
  else for (let index = 0; index < length; index++) to[at + index] = bytes[index] as number;
}

/** Copies `length` bytes, from `at` on. */
export function readBytes(from: Uint8Array, at: number, length: number): Uint8Array {
  if (length > SMALL) return from.slice(at, at + length);
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = from[at + index] as number;
  return bytes;
}
