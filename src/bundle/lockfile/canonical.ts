import { invalid } from './model.ts';

// Pointers and framing after https://capnproto.org/encoding.html; the canonical form after its section of that name.

const MAX_SEGMENTS = 512;
const MAX_DEPTH = 64;
const WORD = 8;
/** Elements without bytes (void, empty structs) cost the sender nothing, so more of them than this is an attack. */
const FREE_WORDS = 2 ** 16;
const BITS = [0, 1, 8, 16, 32, 64] as const;

const STRUCT = 0;
const LIST = 1;
const FAR = 2;
const POINTERS = 6;
const COMPOSITE = 7;

interface Place {
  readonly segment: DataView;
  readonly words: number;
  /** The position in words. */
  readonly at: number;
}

interface Target extends Place {
  readonly low: number;
  readonly high: number;
}

interface StructSize {
  readonly data: number;
  readonly pointers: number;
}

/**
 * Copies a framed Cap'n Proto message of any number of segments into its canonical form: one segment in preorder,
 * without unreachable data, with sections cut after their last value that is not zero. The schema is not needed, so
 * fields that a newer version added are kept.
 *
 * The input is attacker-controlled. Every pointer is checked against the available bytes before it is followed, nesting
 * ends at 64, and twice the message's size bounds the words visited. Neither a cycle nor many pointers to one object (a
 * bomb) can make the copy much larger than the input.
 *
 * @throws {BundleError} `BUNDLE_INVALID_LOCKFILE`
 */
export function canonicalise(message: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Canonicaliser(segmentsOf(message)).run();
}

function segmentsOf(message: Uint8Array): readonly DataView[] {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.byteLength < WORD) throw invalid(`${view.byteLength} bytes are no Cap'n Proto message`);
  const count = view.getUint32(0, true) + 1;
  if (count > MAX_SEGMENTS) throw invalid(`${count} segments announced, at most ${MAX_SEGMENTS} are read`);
  let offset = Math.ceil((4 + 4 * count) / WORD) * WORD;
  if (offset > view.byteLength) throw invalid('the message ends in its frame header');
  const segments: DataView[] = [];
  for (let index = 0; index < count; index++) {
    const length = view.getUint32(4 + 4 * index, true) * WORD;
    if (length > view.byteLength - offset) throw invalid(`segment ${index} is cut off`);
    segments.push(new DataView(view.buffer, view.byteOffset + offset, length));
    offset += length;
  }
  if (offset !== view.byteLength) throw invalid(`${view.byteLength - offset} bytes follow the message`);
  return segments;
}

class Canonicaliser {
  readonly #segments: readonly DataView[];
  #budget: number;
  #out: Uint8Array<ArrayBuffer>;
  #view: DataView;
  /** The number of words written after the header word of the frame. */
  #words = 1;

  constructor(segments: readonly DataView[]) {
    this.#segments = segments;
    const words = segments.reduce((sum, segment) => sum + segment.byteLength / WORD, 0);
    this.#budget = 2 * words + FREE_WORDS;
    this.#out = new Uint8Array((words + 2) * WORD);
    this.#view = new DataView(this.#out.buffer);
  }

  run(): Uint8Array<ArrayBuffer> {
    const root = this.#place(0, 0, 1);
    this.#allocate(1);
    this.#pointer(root, 1, 0);
    this.#view.setUint32(4, this.#words - 1, true);
    return this.#out.subarray(0, this.#words * WORD);
  }

  /** Copies the object to which the pointer at `from` refers, and writes a pointer to the copy at word `to`. */
  #pointer(from: Place, to: number, depth: number): void {
    if (depth > MAX_DEPTH) throw invalid(`objects nest deeper than ${MAX_DEPTH}`);
    const target = this.#follow(from);
    if (target === undefined) return;
    const kind = target.low & 3;
    if (kind === STRUCT) this.#struct(target, to, depth);
    else if (kind === LIST) this.#list(target, to, depth);
    else throw invalid('a pointer of an unknown kind');
  }

  #follow(from: Place): Target | undefined {
    const [low, high] = read(from);
    if (low === 0 && high === 0) return undefined;
    if ((low & 3) !== FAR) return this.#target(from, from.at + 1 + (low >> 2), low, high);
    const double = (low & 4) !== 0;
    const pad = this.#place(high, low >>> 3, double ? 2 : 1);
    const [padLow, padHigh] = read(pad);
    if (!double) {
      if ((padLow & 3) === FAR) throw invalid('a far pointer leads to another far pointer');
      return this.#target(pad, pad.at + 1 + (padLow >> 2), padLow, padHigh);
    }
    if ((padLow & 7) !== FAR) throw invalid('the landing pad of a double far pointer is not a far pointer');
    const [tagLow, tagHigh] = read({ ...pad, at: pad.at + 1 });
    return this.#target(this.#place(padHigh, padLow >>> 3, 0), padLow >>> 3, tagLow, tagHigh);
  }

  #target(place: Place, at: number, low: number, high: number): Target {
    return { segment: place.segment, words: place.words, at, low, high };
  }

  #place(segment: number, at: number, words: number): Place {
    const view = this.#segments[segment];
    if (view === undefined) throw invalid(`a pointer leads to segment ${segment} of ${this.#segments.length}`);
    const place = { segment: view, words: view.byteLength / WORD, at };
    within(place, words);
    return place;
  }

  #struct(source: Target, to: number, depth: number): void {
    const size = structSize(source.high);
    within(source, size.data + size.pointers);
    this.#spend(1 + size.data + size.pointers);
    const cut = trimmed(source, size);
    const at = this.#allocate(cut.data + cut.pointers);
    // In the canonical form a struct without words points at its own pointer, by the offset -1.
    const offset = cut.data + cut.pointers === 0 ? -1 : at - to - 1;
    this.#writePointer(to, offset, STRUCT, cut.data | (cut.pointers << 16));
    this.#copyStruct(source, size, at, cut, depth);
  }

  #copyStruct(source: Place, size: StructSize, at: number, cut: StructSize, depth: number): void {
    this.#copy(source, cut.data * WORD, at);
    for (let index = 0; index < Math.min(cut.pointers, size.pointers); index++) {
      this.#pointer({ ...source, at: source.at + size.data + index }, at + cut.data + index, depth + 1);
    }
  }

  #list(source: Target, to: number, depth: number): void {
    const kind = source.high & 7;
    const count = source.high >>> 3;
    if (kind === COMPOSITE) this.#composite(source, count, to, depth);
    else if (kind === POINTERS) this.#pointers(source, count, to, depth);
    else this.#scalars(source, kind, count, to);
  }

  #scalars(source: Target, kind: number, count: number, to: number): void {
    const bits = count * (BITS[kind] as number);
    const words = Math.ceil(bits / 64);
    within(source, words);
    this.#spend(1 + Math.max(words, kind === 0 ? count : 0));
    const at = this.#allocate(words);
    this.#writePointer(to, at - to - 1, LIST, ((count << 3) | kind) >>> 0);
    this.#copy(source, Math.ceil(bits / 8), at);
    // Bits after the last element are padding and must be zero.
    if (bits % 8 !== 0) {
      const last = at * WORD + Math.floor(bits / 8);
      this.#view.setUint8(last, this.#view.getUint8(last) & ((1 << (bits % 8)) - 1));
    }
  }

  #pointers(source: Target, count: number, to: number, depth: number): void {
    within(source, count);
    this.#spend(1 + count);
    const at = this.#allocate(count);
    this.#writePointer(to, at - to - 1, LIST, ((count << 3) | POINTERS) >>> 0);
    for (let index = 0; index < count; index++) {
      this.#pointer({ ...source, at: source.at + index }, at + index, depth + 1);
    }
  }

  #composite(source: Target, words: number, to: number, depth: number): void {
    within(source, 1 + words);
    const [tag, sizes] = read(source);
    const count = tag >>> 2;
    const size = structSize(sizes);
    const stride = size.data + size.pointers;
    if ((tag & 3) !== STRUCT) throw invalid('a list of structs without a tag');
    if (count * stride > words) throw invalid(`a list of ${count} structs in ${words} words`);
    this.#spend(2 + Math.max(words, count));
    const first = { ...source, at: source.at + 1 };
    let cut: StructSize = { data: 0, pointers: 0 };
    for (let index = 0; index < count; index++) {
      const { data, pointers } = trimmed({ ...first, at: first.at + index * stride }, size);
      cut = { data: Math.max(cut.data, data), pointers: Math.max(cut.pointers, pointers) };
    }
    const room = count * (cut.data + cut.pointers);
    const at = this.#allocate(1 + room);
    this.#writePointer(to, at - to - 1, LIST, ((room << 3) | COMPOSITE) >>> 0);
    this.#writePointer(at, count, STRUCT, cut.data | (cut.pointers << 16));
    for (let index = 0; index < count; index++) {
      const element = { ...first, at: first.at + index * stride };
      this.#copyStruct(element, size, at + 1 + index * (cut.data + cut.pointers), cut, depth);
    }
  }

  #spend(words: number): void {
    this.#budget -= words;
    if (this.#budget < 0) throw invalid('its pointers lead to more than the message holds');
  }

  #allocate(words: number): number {
    const at = this.#words;
    this.#words += words;
    if (this.#words * WORD > this.#out.length) {
      const larger = new Uint8Array(Math.max(this.#words * WORD, this.#out.length * 2));
      larger.set(this.#out);
      this.#out = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  #copy(source: Place, bytes: number, at: number): void {
    const { buffer, byteOffset } = source.segment;
    this.#out.set(new Uint8Array(buffer, byteOffset + source.at * WORD, bytes), at * WORD);
  }

  #writePointer(at: number, offset: number, kind: number, high: number): void {
    this.#view.setUint32(at * WORD, ((offset << 2) | kind) >>> 0, true);
    this.#view.setUint32(at * WORD + 4, high >>> 0, true);
  }
}

function read({ segment, at }: Place): [low: number, high: number] {
  return [segment.getUint32(at * WORD, true), segment.getUint32(at * WORD + 4, true)];
}

function structSize(high: number): StructSize {
  return { data: high & 0xffff, pointers: high >>> 16 };
}

function within(place: Place, words: number): void {
  if (place.at < 0 || place.at + words > place.words) throw invalid('a pointer leads outside the message');
}

/** Returns the sizes of a struct's sections up to their last word that is not zero. */
function trimmed(source: Place, size: StructSize): StructSize {
  let { data, pointers } = size;
  while (data > 0 && isZero(source, data - 1)) data--;
  while (pointers > 0 && isZero(source, size.data + pointers - 1)) pointers--;
  return { data, pointers };
}

function isZero(source: Place, index: number): boolean {
  const [low, high] = read({ ...source, at: source.at + index });
  return low === 0 && high === 0;
}
