import { type ComponentId, type ComponentLoader, formatComponentId } from '#core';

/** Components held in memory, by id. */
export class MemoryComponentLoader implements ComponentLoader {
  readonly #components = new Map<string, Uint8Array>();

  /** Keeps a copy of the bytes: a later change of the caller's array changes nothing. */
  add(id: ComponentId, bytes: Uint8Array): this {
    this.#components.set(formatComponentId(id), Uint8Array.from(bytes));
    return this;
  }

  async loadBytes(id: ComponentId): Promise<Uint8Array | undefined> {
    return this.#components.get(formatComponentId(id));
  }
}

/** Asks one loader after the other; the first that has the component gives it. */
export class ChainComponentLoader implements ComponentLoader {
  readonly #loaders: readonly ComponentLoader[];

  constructor(loaders: readonly ComponentLoader[]) {
    this.#loaders = loaders;
  }

  async loadBytes(id: ComponentId, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    for (const loader of this.#loaders) {
      const bytes = await loader.loadBytes(id, signal);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }
}
