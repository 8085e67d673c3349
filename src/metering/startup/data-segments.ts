import { ByteReader, coreModule } from '#wasm';
import { imageBytes, type PlacedData } from './image-pages.ts';
import type { StartupFuel } from './startup-fuel.ts';

const { Constant, readConstantExpression } = coreModule;

const PAGE = 65536;
/** A memory gets an image when the image is smaller than this, or than twice its data (wasmtime 50.0.1). */
const LARGEST_SPARSE_IMAGE = 16 * 2 ** 20;
const NOWHERE = -1;

/** The span from the first to the last byte that a memory's segments fill, and the number of bytes in them. */
interface Image {
  first: number;
  last: number;
  data: number;
  /** The segments, kept when the image's contents decide its cost. */
  readonly segments: PlacedData[];
}

/**
 * What placing a module's active data segments costs by the rules of wasmtime 50.0.1. Go programs have tens of
 * thousands.
 */
export class DataSegments {
  /** Whether some offset is not a single constant, and so may name a global that moves. */
  computed = false;
  readonly #module: coreModule.CoreModule;
  readonly #images = new Map<number, Image>();
  /** The units of fuel when the segments are copied during instantiation. */
  #fuel = 0;
  #operators = 0;
  #placed = true;

  constructor(module: coreModule.CoreModule) {
    this.#module = module;
    const section = module.sections.find(({ id }) => id === coreModule.SectionId.data);
    const reader = section && new ByteReader(module.bytes, section.start, section.end);
    for (let left = reader?.u32() ?? 0; left > 0 && reader !== undefined; left--) {
      const flags = reader.u32();
      const memory = flags === 2 ? reader.u32() : 0;
      const offset = flags === 1 ? NOWHERE : this.#offset(reader);
      const length = reader.u32();
      const start = reader.offset;
      reader.offset += length;
      if (flags === 1) continue;
      this.#fuel += this.#operators + length;
      this.#place(memory, { start, length, offset });
    }
    for (const { first, last, data } of this.#images.values()) {
      const size = last - first;
      if (size >= LARGEST_SPARSE_IMAGE && size >= data * 2) this.#placed = false;
    }
  }

  /** Charges the segments that are copied during instantiation. */
  charge(fuel: StartupFuel): void {
    if (!this.#placed) {
      fuel.require();
      fuel.bulk(this.#fuel, false);
      return;
    }
    if (this.#images.size === 0) return;
    const { memories, imported, bytes } = this.#module;
    if (imported.memory === 0) {
      // The images are mapped. A memory without an image is still checked for its data.
      if (this.#images.size < memories.length) fuel.require();
      fuel.forget();
      return;
    }
    // With an imported memory no image is mapped: each segment is copied.
    fuel.require();
    for (const { segments } of this.#images.values()) fuel.bulk(imageBytes(bytes, segments), false);
  }

  /** Skips an offset expression. Returns its unsigned value when it is a single constant. */
  #offset(reader: ByteReader): number {
    const { bytes, offset: start } = reader;
    this.#operators = 1;
    if (bytes[start] === Constant.i32Const) {
      let value = 0;
      let at = start + 1;
      let shift = 0;
      for (; shift < 35; shift += 7) {
        const byte = bytes[at++] as number;
        value |= (byte & 0x7f) << shift;
        if (byte >= 0x80) continue;
        if (shift < 28 && (byte & 0x40) !== 0) value |= -1 << (shift + 7);
        break;
      }
      if (bytes[at] === Constant.end) {
        reader.offset = at + 1;
        return value >>> 0;
      }
    }
    const expression = readConstantExpression(reader);
    this.#operators = expression.length;
    const [only] = expression;
    if (expression.length === 1 && only?.opcode === Constant.i64Const) return Number(BigInt.asUintN(64, only.value));
    this.computed = true;
    return NOWHERE;
  }

  #place(memory: number, segment: PlacedData): void {
    const limits = this.#module.memories[memory];
    const { offset, length } = segment;
    const end = offset + length;
    if (
      offset === NOWHERE ||
      limits === undefined ||
      memory < this.#module.imported.memory ||
      end > Number(limits.minimum) * PAGE
    ) {
      this.#placed = false;
      return;
    }
    if (length === 0) return;
    let image = this.#images.get(memory);
    if (image === undefined) {
      image = { first: offset, last: end, data: 0, segments: [] };
      this.#images.set(memory, image);
    }
    if (offset < image.first) image.first = offset;
    if (end > image.last) image.last = end;
    image.data += length;
    if (this.#module.imported.memory > 0) image.segments.push(segment);
  }
}
