import { shownValue } from '#core/text';
import { type ComponentId, formatComponentId } from './component-id.ts';

/** Returned by `load` and passed to every later call. `handleId` counts from 1 and is never reused in a process. */
export interface ComponentHandle {
  readonly id: ComponentId;
  readonly handleId: bigint;
}

let lastHandleId = 0n;

class Handle implements ComponentHandle {
  readonly id: ComponentId;
  readonly handleId: bigint;

  constructor(id: ComponentId, handleId: bigint) {
    this.id = id;
    this.handleId = handleId;
    Object.freeze(this);
  }

  /** As `JSON.stringify` shows it; a bigint could not be shown. */
  toJSON(): { readonly id: string; readonly handleId: string } {
    return { id: formatComponentId(this.id), handleId: String(this.handleId) };
  }
}

/** Checks that a value is an object, because an embedder without types may pass anything as a handle. */
function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Shows a handle in messages: the id of its component, or that it is not a handle. */
export function shownHandle(handle: unknown): string {
  const id = isObject(handle) && 'id' in handle ? handle.id : undefined;
  if (isObject(id) && 'namespace' in id && 'name' in id && 'instance' in id) {
    const texts = [id.namespace, id.name, id.instance].every((part) => typeof part === 'string');
    if (texts) return formatComponentId(id as ComponentId);
  }
  const shown = typeof handle === 'string' ? shownValue(handle) : `a value of type ${typeof handle}`;
  return `${shown}, which is not a handle (give what load returned),`;
}

/** Makes the next handle. The counter belongs to the process, so two runtimes never make the same handle. */
export function createHandle(id: ComponentId): ComponentHandle {
  lastHandleId += 1n;
  return new Handle(id, lastHandleId);
}
