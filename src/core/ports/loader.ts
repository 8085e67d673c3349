import type { ComponentId } from '../component-id.ts';

/** Finds a component's bytes by its id. */
export interface ComponentLoader {
  /** The bytes, or undefined when this loader does not have the id. */
  loadBytes(id: ComponentId, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Refuses bytes that are no component which can be loaded; `load` does so by itself. @throws `RUNTIME_INVALID_COMPONENT` */
  validate?(bytes: Uint8Array): Promise<void>;
  /** The file that the bytes come from, where they come from one: its signature lies beside it. */
  fileOf?(id: ComponentId): Promise<string | undefined>;
}
