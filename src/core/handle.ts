import { shownValue } from '#core/text';
import { type ComponentId, formatComponentId } from './component-id.ts';

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
    if (isObject(handle) && #kept in handle) handle.#kept = value;
  }

  static kept(handle: ComponentHandle): unknown {
    return isObject(handle) && #kept in handle ? handle.#kept : undefined;
  }
}

/** What an embedder without types may give for a handle is anything. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** A handle as messages show it: the id of its component, or that it is none. */
export function shownHandle(handle: unknown): string {
  const id = isObject(handle) && 'id' in handle ? handle.id : undefined;
  if (isObject(id) && 'namespace' in id && 'name' in id && 'instance' in id) {
    const texts = [id.namespace, id.name, id.instance].every((part) => typeof part === 'string');
    if (texts) return formatComponentId(id as ComponentId);
  }
  const shown = typeof handle === 'string' ? shownValue(handle) : `a value of type ${typeof handle}`;
  return `${shown}, which is no handle (give what load answered),`;
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
