import type { Lockfile } from './model.ts';

const STRUCT = 0;
const LIST = 1;
/** The sizes of a list's elements: https://capnproto.org/encoding.html#lists */
const BYTES = 2;
const COMPOSITE = 7;
const HASH_BYTES = 32;

/**
 * Encodes the lockfile as canonical Cap'n Proto with its stream frame. Equal lockfiles give equal bytes.
 *
 * The canonical form is one segment in preorder: the target of a pointer begins where everything before it ended, and
 * structs have no zero words or pointers at their end. A lockfile can therefore be written from front to back.
 */
export function encodeLockfile(lockfile: Lockfile): Uint8Array<ArrayBuffer> {
  const { meta, sources, topology, root } = lockfile;
  const segment = new Segment(capacityOf(lockfile));
  const top = segment.root(4);
  const metaTexts = [meta.producer, meta.producerVersion, meta.schemaVersion];
  const metaPointers = meta.inputProcessors.length > 0 ? 4 : used(metaTexts);
  const metaAt = segment.struct(top, meta.generatedAtMs === 0 ? 0 : 1, metaPointers);
  if (meta.generatedAtMs !== 0) segment.u64(metaAt.data, meta.generatedAtMs);
  segment.texts(metaAt.pointers, metaTexts);
  segment.textStructs(
    metaAt.pointers + 3,
    meta.inputProcessors.map(({ kind, version }) => [kind, version]),
  );
  if (sources.length > 0) {
    const pointers = sources.some(({ kind }) => kind !== '') ? 4 : 3;
    let at = segment.structs(top + 1, sources.length, pointers);
    for (const { path, inputHash, chunkHash, kind } of sources) {
      segment.text(at, path);
      segment.hash(at + 1, inputHash);
      segment.hash(at + 2, chunkHash);
      segment.text(at + 3, kind);
      at += pointers;
    }
  }
  segment.textStructs(
    top + 2,
    topology.map(({ from, toSource }) => [from, toSource]),
  );
  segment.hash(top + 3, root);
  return segment.framed();
}

/** The byte of `generatedAtMs` in what `encodeLockfile` writes: after the frame, the root pointer and the root's four pointers. */
const TIME_AT = 8 * 6;

/**
 * Returns the time of an encoded lockfile if all else in it is the same as in `lockfile`; `undefined` otherwise. It costs a fraction of
 * decoding.
 */
export function timeIfSame(encoded: Uint8Array, lockfile: Lockfile): number | undefined {
  if (encoded.length < TIME_AT + 8) return undefined;
  const time = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length).readBigUInt64LE(TIME_AT);
  if (time > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  const generatedAtMs = Number(time);
  const same = encodeLockfile({ ...lockfile, meta: { ...lockfile.meta, generatedAtMs } });
  return Buffer.compare(same, encoded) === 0 ? generatedAtMs : undefined;
}

/** Counts a struct's pointers without the null pointers at its end. */
function used(texts: readonly string[]): number {
  return texts.findLastIndex((text) => text !== '') + 1;
}

/** Returns a number of bytes that is certainly enough. */
function capacityOf({ meta, sources, topology }: Lockfile): number {
  // A UTF-16 unit becomes at most three bytes; NUL, padding and pointer take less than 24.
  const text = (value: string): number => 3 * value.length + 24;
  let bytes = 256 + text(meta.producer) + text(meta.producerVersion) + text(meta.schemaVersion);
  for (const { kind, version } of meta.inputProcessors) bytes += text(kind) + text(version);
  for (const { path, kind } of sources) bytes += text(path) + text(kind) + 2 * (HASH_BYTES + 24);
  for (const { from, toSource } of topology) bytes += text(from) + text(toSource);
  return bytes;
}

/** One segment that grows at its end. Positions are counted in words of eight bytes from the frame's header. */
class Segment {
  readonly #bytes: Buffer<ArrayBuffer>;
  #end = 1;

  constructor(capacity: number) {
    this.#bytes = Buffer.alloc(capacity);
  }

  /** Writes the root struct. @returns where its pointers begin */
  root(pointers: number): number {
    this.#end += 1;
    return this.struct(1, 0, pointers).pointers;
  }

  /** Writes a struct for the pointer at `from`. */
  struct(from: number, dataWords: number, pointers: number): { readonly data: number; readonly pointers: number } {
    // A struct without words points at its own pointer, because it occupies no place.
    const offset = dataWords + pointers === 0 ? -1 : this.#end - from - 1;
    this.#pointer(from, STRUCT, offset, dataWords | (pointers << 16));
    const data = this.#end;
    this.#end += dataWords + pointers;
    return { data, pointers: data + dataWords };
  }

  /** Writes a list of structs that contain only pointers. @returns where the first one begins */
  structs(from: number, count: number, pointers: number): number {
    this.#pointer(from, LIST, this.#end - from - 1, COMPOSITE | ((count * pointers) << 3));
    this.#pointer(this.#end, STRUCT, count, pointers << 16);
    const first = this.#end + 1;
    this.#end = first + count * pointers;
    return first;
  }

  /** Writes a list of structs of texts, or nothing if it is empty. */
  textStructs(from: number, structs: readonly (readonly string[])[]): void {
    if (structs.length === 0) return;
    const pointers = Math.max(...new Set(structs.map(used)));
    let at = this.structs(from, structs.length, pointers);
    for (const texts of structs) {
      this.texts(at, texts);
      at += pointers;
    }
  }

  texts(from: number, texts: readonly string[]): void {
    for (const [index, text] of texts.entries()) this.text(from + index, text);
  }

  /** Writes a text for the pointer at `from`, which stays null for an empty text. */
  text(from: number, text: string): void {
    if (text === '') return;
    const length = this.#bytes.write(text, this.#end * 8, 'utf8') + 1;
    this.#pointer(from, LIST, this.#end - from - 1, BYTES | (length << 3));
    this.#end += Math.ceil(length / 8);
  }

  /** Writes the struct `Hash`, whose only field is its bytes. */
  hash(from: number, hex: string): void {
    const { pointers } = this.struct(from, 0, 1);
    this.#bytes.write(hex, this.#end * 8, HASH_BYTES, 'hex');
    this.#pointer(pointers, LIST, this.#end - pointers - 1, BYTES | (HASH_BYTES << 3));
    this.#end += HASH_BYTES / 8;
  }

  u64(at: number, value: number): void {
    this.#bytes.writeBigUInt64LE(BigInt(value), at * 8);
  }

  /** Returns the segment with its frame: https://capnproto.org/encoding.html#serialization-over-a-stream */
  framed(): Uint8Array<ArrayBuffer> {
    this.#bytes.writeUInt32LE(this.#end - 1, 4);
    return new Uint8Array(this.#bytes.subarray(0, this.#end * 8));
  }

  #pointer(at: number, kind: number, offset: number, high: number): void {
    this.#bytes.writeInt32LE((offset << 2) | kind, at * 8);
    this.#bytes.writeInt32LE(high | 0, at * 8 + 4);
  }
}
