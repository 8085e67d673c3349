import type { MeteringMode } from '#core/ports/meter';
import type { RenewedInstances, StartImage } from '#core/ports/renewal';
import { GLOBALS_EXPORT, type Metadata } from '../metadata.ts';
import { imageOf, type MemoryImage, matches, restore } from './memory-image.ts';
import type { StoreMemory } from './store-memory.ts';
import type { StoreParts } from './store-parts.ts';

/** The images of all memories of a store, in the order in which the store's instances define them. */
class StoreImage implements StartImage {
  readonly memories: readonly MemoryImage[];
  readonly bytes: number;

  constructor(memories: readonly MemoryImage[]) {
    this.memories = memories;
    this.bytes = memories.reduce((sum, { kept }) => sum + kept, 0);
  }
}

/** The most core instances that are renewed together. Each may have a thousand globals to bring back. */
const MOST_INSTANCES = 64;
const KEEP = 0;
const RESTORE = 1;

/**
 * The core instances of one store, in the order in which they were linked, with what is bound to them. An instance cannot be given other
 * imports, so the hooks that it imports find by `owner` the tank that has it now.
 */
export class LinkedInstances<Owner> implements RenewedInstances {
  /** The tank that has the instances; undefined while none has. */
  owner: Owner | undefined;
  readonly memory: StoreMemory;
  readonly parts: StoreParts;
  readonly hooks: WebAssembly.ModuleImports;
  /** What each exports. */
  readonly exports: WebAssembly.Exports[] = [];
  readonly #metadata: Metadata[] = [];
  /** The fuel that their instantiation has cost, as `keep` was told. */
  startFuel = 0;
  #image: StoreImage | undefined;
  #kept: readonly WebAssembly.Memory[] = [];
  #views: readonly Uint8Array[] = [];

  constructor(
    memory: StoreMemory,
    parts: StoreParts,
    hooks: (of: LinkedInstances<Owner>) => WebAssembly.ModuleImports,
  ) {
    this.memory = memory;
    this.parts = parts;
    this.hooks = hooks(this);
  }

  get mode(): MeteringMode | undefined {
    return this.#metadata[0]?.mode;
  }

  add(metadata: Metadata, exports: WebAssembly.Exports): void {
    this.#metadata.push(metadata);
    this.exports.push(exports);
  }

  /**
   * What the memories hold now; undefined where the instances can change something else that cannot be brought back, and where bringing
   * them back would take long.
   * @param mostBytes the most that memories, tables and objects may take
   */
  image(mostBytes: number): StartImage | undefined {
    // A growth was refused for what other stores held, so that another instantiation may go another way.
    const isExact = this.memory.refusedGrowths === 0;
    if (!isExact || this.#metadata.some(({ renewable }) => renewable === undefined)) return undefined;
    if (this.#metadata.length > MOST_INSTANCES || this.memory.used > mostBytes) return undefined;
    const buffers = this.#memories().map(({ buffer }) => buffer);
    return new StoreImage(buffers.map((buffer) => imageOf(buffer)));
  }

  /** Prepares the instances for `renew`, if the image is one of theirs. @param fuel what their instantiation has cost */
  keep(image: StartImage, fuel: number): void {
    if (!(image instanceof StoreImage) || this.memory.refusedGrowths > 0) return;
    this.#kept = this.#memories();
    this.#views = this.#kept.map(viewOf);
    if (!areOf(image, this.#views)) return;
    this.#globals(KEEP);
    this.memory.keep();
    this.startFuel = fuel;
    this.#image = image;
  }

  /** Brings the instances back to what they held when `keep` was called. Returns false, and does nothing, where that is not possible. */
  renew(): boolean {
    const image = this.#image;
    if (image === undefined) return false;
    // Growing, even by nothing, leaves a view of a buffer that the memory has no longer, and that has no bytes.
    if (this.#kept.some(({ buffer }, at) => buffer !== this.#views[at]?.buffer)) this.#views = this.#kept.map(viewOf);
    if (!areOf(image, this.#views)) return false;
    image.memories.forEach((each, at) => {
      restore(each, this.#views[at] as Uint8Array);
    });
    this.#globals(RESTORE);
    this.memory.renew();
    this.owner = undefined;
    return true;
  }

  get memoryBytes(): number {
    return this.memory.used;
  }

  dispose(): void {
    this.memory.dispose();
    this.parts.dispose();
  }

  #memories(): WebAssembly.Memory[] {
    return this.#metadata.flatMap(({ renewable = [] }, at) =>
      renewable.map((name) => this.exports[at]?.[name] as WebAssembly.Memory),
    );
  }

  #globals(what: typeof KEEP | typeof RESTORE): void {
    for (const exports of this.exports) (exports[GLOBALS_EXPORT] as ((what: number) => void) | undefined)?.(what);
  }
}

function viewOf({ buffer }: WebAssembly.Memory): Uint8Array {
  return new Uint8Array(buffer);
}

function areOf({ memories }: StoreImage, views: readonly Uint8Array[]): boolean {
  return views.length === memories.length && memories.every((each, at) => matches(each, views[at] as Uint8Array));
}
