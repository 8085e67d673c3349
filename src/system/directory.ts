import type { ComponentHandle, ComponentId } from '#core';
import type { ActorDirectory } from '#core/ports/directory';
import type { ComponentMetadata } from '#runtime';
import { LiveActors } from '#supervision';

/** The loaded components by id, and the metadata that they report. */
export class Directory implements ActorDirectory {
  readonly #live = new LiveActors();
  readonly #metadata = new Map<bigint, ComponentMetadata>();
  readonly #digests = new Map<bigint, string>();

  add(handle: ComponentHandle): boolean {
    return this.#live.add(handle);
  }

  /** @param digest of the component's bytes */
  describe(handle: ComponentHandle, metadata: ComponentMetadata | undefined, digest: string): void {
    this.#digests.set(handle.handleId, digest);
    if (metadata !== undefined) this.#metadata.set(handle.handleId, metadata);
  }

  remove(handle: ComponentHandle): void {
    this.#live.remove(handle);
    this.#metadata.delete(handle.handleId);
    this.#digests.delete(handle.handleId);
  }

  list(): readonly ComponentId[] {
    return this.#live.list();
  }

  handles(): readonly ComponentHandle[] {
    return this.#live.handles();
  }

  find(id: ComponentId): ComponentHandle | undefined {
    return this.#live.find(id);
  }

  digest(handle: ComponentHandle): string | undefined {
    return this.#digests.get(handle.handleId);
  }

  metadata(handle: ComponentHandle): ComponentMetadata | undefined {
    return this.#metadata.get(handle.handleId);
  }
}
