import type { ComponentId } from '../component-id.ts';

/** Finds a component's bytes by its id. */
export interface ComponentLoader {
  /** The bytes, or undefined when this loader does not have the id. */
  loadBytes(id: ComponentId, signal?: AbortSignal): Promise<Uint8Array | undefined>;
}
