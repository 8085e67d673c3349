/** Zeros are told from content in blocks of this many bytes. */
const BLOCK = 4096;

/** What a memory held at one time: its size, and the parts of it that were not zero. */
export interface MemoryImage {
  readonly size: number;
  /** In order, apart from each other. Between them the memory was zero. */
  readonly parts: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  /** The bytes that the parts take. */
  readonly kept: number;
}

export function imageOf(buffer: ArrayBuffer): MemoryImage {
  const { byteLength: size } = buffer;
  const parts: { at: number; bytes: Uint8Array }[] = [];
  let kept = 0;
  for (let at = 0; at < size; ) {
    const end = endOfContent(buffer, at);
    if (end > at) {
      parts.push({ at, bytes: new Uint8Array(buffer.slice(at, end)) });
      kept += end - at;
    }
    at = Math.max(end, at + BLOCK);
  }
  return { size, parts, kept };
}

/** Where the blocks end that begin at `at` and are not all zeros. */
function endOfContent(buffer: ArrayBuffer, at: number): number {
  let end = at;
  while (end < buffer.byteLength && !isZero(new Int32Array(buffer, end, BLOCK / 4))) end += BLOCK;
  return end;
}

function isZero(words: Int32Array): boolean {
  for (const word of words) if (word !== 0) return false;
  return true;
}

/** Whether a memory, given by a view of all of it, has the image's size. */
export function matches({ size }: MemoryImage, view: Uint8Array): boolean {
  return view.length === size;
}

/** Makes a memory of the image's size hold what the image holds. */
export function restore({ size, parts }: MemoryImage, view: Uint8Array): void {
  let zeroFrom = 0;
  for (const { at, bytes } of parts) {
    if (at > zeroFrom) view.fill(0, zeroFrom, at);
    view.set(bytes, at);
    zeroFrom = at + bytes.length;
  }
  if (size > zeroFrom) view.fill(0, zeroFrom, size);
}
