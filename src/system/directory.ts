import { type ActorDirectory, type ComponentHandle, type ComponentId, formatComponentId } from '#core';
import type { ComponentMetadata } from '#runtime';

/** The loaded components by id, and what they say of themselves. */
export class Directory implements ActorDirectory {
  readonly #entries = new Map<string, { handle: ComponentHandle; metadata: ComponentMetadata | undefined }>();

  add(handle: ComponentHandle): boolean {
    const key = formatComponentId(handle.id);
    if (this.#entries.has(key)) return false;
    this.#entries.set(key, { handle, metadata: undefined });
    return true;
  }

  describe(handle: ComponentHandle, metadata: ComponentMetadata | undefined): void {
    const entry = this.#entries.get(formatComponentId(handle.id));
    if (entry !== undefined) entry.metadata = metadata;
  }

  remove(handle: ComponentHandle): void {
    this.#entries.delete(formatComponentId(handle.id));
  }

  list(): readonly ComponentId[] {
    return this.handles().map(({ id }) => id);
  }

  handles(): readonly ComponentHandle[] {
    return [...this.#entries.values()].map(({ handle }) => handle);
  }

  find(id: ComponentId): ComponentHandle | undefined {
    return this.#entries.get(formatComponentId(id))?.handle;
  }

  metadata(handle: ComponentHandle): ComponentMetadata | undefined {
    return this.#entries.get(formatComponentId(handle.id))?.metadata;
  }
}
