import type { ComponentId } from '../component-id.ts';
import type { ComponentHandle } from '../handle.ts';

/** The live actors, which `list-components` reads. */
export interface ActorDirectory {
  list(): readonly ComponentId[];
  find(id: ComponentId): ComponentHandle | undefined;
}
