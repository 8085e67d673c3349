import type { ComponentId } from './component-id.ts';

/** What `load` gives back and every later call takes. `handleId` counts from 1 and is never reused in a process. */
export interface ComponentHandle {
  readonly id: ComponentId;
  readonly handleId: bigint;
}

let lastHandleId = 0n;

/** Makes the next handle; the counter is the process's, so two runtimes never give out the same one. */
export function createHandle(id: ComponentId): ComponentHandle {
  lastHandleId += 1n;
  return Object.freeze({ id, handleId: lastHandleId });
}
