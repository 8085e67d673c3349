import { trap } from './trap.ts';

/** More live handles than this would fill the host's heap with resources that a guest never lets go. */
const MAX_HANDLES = 100_000;

interface Entry {
  readonly resource: number;
  readonly representation: object;
  lends: number;
}

/**
 * The resources that one component instance holds. Handles come from the guest: each use checks that the handle is one
 * that was given out, is still there, and is of the type that the function's signature says.
 */
export class HandleTable {
  readonly #entries: (Entry | undefined)[] = [undefined];
  readonly #free: number[] = [];

  /** Gives a resource to the guest. */
  add(resource: number, representation: object): number {
    const entry = { resource, representation, lends: 0 };
    const handle = this.#free.pop();
    if (handle !== undefined) {
      this.#entries[handle] = entry;
      return handle;
    }
    if (this.#entries.length > MAX_HANDLES) {
      trap(`the component holds more than ${MAX_HANDLES} resources`);
    }
    return this.#entries.push(entry) - 1;
  }

  /** Takes a resource from the guest for good. */
  take(handle: number, resource: number): object {
    const { representation, lends } = this.#find(handle, resource);
    if (lends > 0) trap('a resource is given away while it is lent');
    this.#entries[handle] = undefined;
    this.#free.push(handle);
    return representation;
  }

  /** Lends a resource to the host for one call; give the entry to `giveBack` after it. */
  lend(handle: number, resource: number): Entry {
    const entry = this.#find(handle, resource);
    entry.lends += 1;
    return entry;
  }

  giveBack(entry: Entry): void {
    entry.lends -= 1;
  }

  #find(handle: number, resource: number): Entry {
    const entry = this.#entries[handle];
    if (entry === undefined) trap(`unknown handle index ${handle}`);
    if (entry.resource !== resource) {
      trap(`handle index ${handle} is of another resource type`);
    }
    return entry;
  }
}
