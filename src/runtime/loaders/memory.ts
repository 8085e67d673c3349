import { type ComponentId, formatComponentId } from '#core';
import type { ComponentLoader } from '#core/ports/loader';
import { validateBytes } from './validate-bytes.ts';

/** Loads components that are held in memory, by id. */
export class MemoryComponentLoader implements ComponentLoader {
  readonly #components = new Map<string, Uint8Array>();

  /** Keeps a copy of the bytes, so that the caller may change its array later. */
  add(id: ComponentId, bytes: Uint8Array): this {
    this.#components.set(formatComponentId(id), Uint8Array.from(bytes));
    return this;
  }

  async loadBytes(id: ComponentId): Promise<Uint8Array | undefined> {
    return this.#components.get(formatComponentId(id));
  }

  validate(bytes: Uint8Array): Promise<void> {
    return validateBytes(bytes);
  }
}

/** Asks one loader after the other. The first that has the component provides it. */
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

  validate(bytes: Uint8Array): Promise<void> {
    return validateBytes(bytes);
  }

  async fileOf(id: ComponentId): Promise<string | undefined> {
    for (const loader of this.#loaders) {
      const file = await loader.fileOf?.(id);
      if (file !== undefined) return file;
      // If this loader has the bytes, they come from no file, even if a later loader has a file for the same id.
      if (loader.fileOf === undefined && (await loader.loadBytes(id)) !== undefined) return undefined;
    }
    return undefined;
  }
}
