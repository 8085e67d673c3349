import { type ComponentHandle, type ComponentId, formatComponentId } from '#core';
import type { ActorDirectory } from '#core/ports/directory';

/** The loaded actors by id. */
export class LiveActors implements ActorDirectory {
  readonly #handles = new Map<string, ComponentHandle>();
  #listed: readonly ComponentId[] | undefined;

  /** Adds an actor. Returns false, and changes nothing, when its id is taken. */
  add(handle: ComponentHandle): boolean {
    const key = formatComponentId(handle.id);
    if (this.#handles.has(key)) return false;
    this.#handles.set(key, handle);
    this.#listed = undefined;
    return true;
  }

  remove(handle: ComponentHandle): void {
    const key = formatComponentId(handle.id);
    if (this.#handles.get(key) !== handle) return;
    this.#handles.delete(key);
    this.#listed = undefined;
  }

  /**
   * Lists ids in the order of loading. The list is reused until it changes, because a guest may call this in a loop.
   */
  list(): readonly ComponentId[] {
    this.#listed ??= Object.freeze(this.handles().map(({ id }) => id));
    return this.#listed;
  }

  handles(): readonly ComponentHandle[] {
    return [...this.#handles.values()];
  }

  find(id: ComponentId): ComponentHandle | undefined {
    return this.#handles.get(formatComponentId(id));
  }
}
