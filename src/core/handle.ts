import type { ComponentId } from './component-id.ts';

/** What `load` gives back and every later call takes. `handleId` counts from 1 and is never reused in a process. */
export interface ComponentHandle {
  readonly id: ComponentId;
  readonly handleId: bigint;
}

let lastHandleId = 0n;

class Handle implements ComponentHandle {
  readonly id: ComponentId;
  readonly handleId: bigint;
  #kept: unknown;

  constructor(id: ComponentId, handleId: bigint) {
    this.id = id;
    this.handleId = handleId;
    Object.freeze(this);
  }

  static keep(handle: ComponentHandle, value: unknown): void {
    if (#kept in handle) handle.#kept = value;
  }

  static kept(handle: ComponentHandle): unknown {
    return #kept in handle ? handle.#kept : undefined;
  }
}

/** Makes the next handle; the counter is the process's, so two runtimes never give out the same one. */
export function createHandle(id: ComponentId): ComponentHandle {
  lastHandleId += 1n;
  return new Handle(id, lastHandleId);
}

/** Keeps what belongs to a handle beside it, unseen, so that it is found without a search. One value for each handle. */
export function keepWithHandle(handle: ComponentHandle, value: unknown): void {
  Handle.keep(handle, value);
}

/** What was kept with the handle, by whomever: check what it is. */
export function keptWithHandle(handle: ComponentHandle): unknown {
  return Handle.kept(handle);
}
