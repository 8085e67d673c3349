import type { ComponentId } from '../component-id.ts';

/** Finds a component's bytes by its id. */
export interface ComponentLoader {
  /** Returns the bytes, or undefined when this loader does not know the id. */
  loadBytes(id: ComponentId, signal?: AbortSignal): Promise<Uint8Array | undefined>;
  /** Rejects bytes that are not a loadable component. `load` calls it by itself. @throws `RUNTIME_INVALID_COMPONENT` */
  validate?(bytes: Uint8Array): Promise<void>;
  /** Returns the file of the bytes, if there is one. Its signature is beside it. */
  fileOf?(id: ComponentId): Promise<string | undefined>;
}
