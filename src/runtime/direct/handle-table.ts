import { trap } from '#runtime/exchange';

/** More live handles than this would fill the host's heap with resources that a guest never lets go. */
const MAX_HANDLES = 100_000;
/** What V8 keeps for an entry and its place in the table. */
const ENTRY_BYTES = 64;
/** Entries are charged for so many at a time. */
const CHARGED_AT_ONCE = 64;

/** One running call of an export: handles that it was lent, which it drops before it answers. */
export interface BorrowScope {
  borrows: number;
}

/** A handle: the resource is the guest's own, or lent to it for the call that `scope` stands for. */
interface Entry {
  readonly resource: number;
  /** The host's object or, for a resource that a component instance defines, that instance's own number for it. */
  readonly representation: unknown;
  readonly scope: BorrowScope | undefined;
  /** Running calls that it is lent to. */
  lends: number;
}

/** How many handles the component instances of one store hold together, and what they are charged to. */
export class HandleQuota {
  readonly #take: (bytes: number) => boolean;
  #places = 0;

  /** @param take takes bytes from what the host keeps for the store; answers false where so much is not left */
  constructor(take: (bytes: number) => boolean) {
    this.#take = take;
  }

  /** For one more place in a table, which is kept until the store ends. */
  grow(): void {
    if (this.#places % CHARGED_AT_ONCE === 0 && !this.#take(CHARGED_AT_ONCE * ENTRY_BYTES)) {
      trap('the handles that the component holds make the host keep more than it may for a component');
    }
    this.#places += 1;
    if (this.#places > MAX_HANDLES) trap(`the component holds more than ${MAX_HANDLES} resources`);
  }
}

/**
 * The resources that one component instance holds. Handles come from the guest: each use checks that the handle is one
 * that was given out, is still there, and is of the type that the function's signature says.
 */
export class HandleTable {
  // Index 0 is never a handle.
  readonly #entries: (Entry | undefined)[] = [undefined];
  readonly #free: number[] = [];
  readonly #quota: HandleQuota;

  constructor(quota: HandleQuota) {
    this.#quota = quota;
  }

  /** How many handles there are. */
  get size(): number {
    return this.#entries.length - 1 - this.#free.length;
  }

  /** Gives a resource to the guest. */
  add(resource: number, representation: unknown): number {
    return this.#place({ resource, representation, scope: undefined, lends: 0 });
  }

  /** Lends a resource to the guest until `scope` ends. */
  addBorrow(resource: number, representation: unknown, scope: BorrowScope): number {
    const handle = this.#place({ resource, representation, scope, lends: 0 });
    scope.borrows += 1;
    return handle;
  }

  /** Takes a resource from the guest for good. */
  take(handle: number, resource: number): unknown {
    const entry = this.#find(handle, resource);
    if (entry.lends > 0) trap('a resource is given away while it is lent');
    if (entry.scope !== undefined) trap('a resource that is only lent is given away');
    this.#remove(handle);
    return entry.representation;
  }

  /** Lends a resource that the guest holds for one call; give the entry to `giveBack` after it. */
  lend(handle: number, resource: number): Entry {
    const entry = this.#find(handle, resource);
    entry.lends += 1;
    return entry;
  }

  giveBack(entry: Entry): void {
    entry.lends -= 1;
  }

  /** The guest lets go of a handle. Answers whether the resource was its own, and so is to be destroyed. */
  drop(handle: number, resource: number): { readonly representation: unknown; readonly own: boolean } {
    const { scope, lends, representation } = this.#find(handle, resource);
    if (lends > 0) trap('a resource is dropped while it is lent');
    this.#remove(handle);
    if (scope === undefined) return { representation, own: true };
    scope.borrows -= 1;
    return { representation, own: false };
  }

  /** The instance's own number for a resource that it defines. */
  representation(handle: number, resource: number): unknown {
    return this.#find(handle, resource).representation;
  }

  #place(entry: Entry): number {
    const handle = this.#free.pop();
    if (handle !== undefined) {
      this.#entries[handle] = entry;
      return handle;
    }
    this.#quota.grow();
    return this.#entries.push(entry) - 1;
  }

  #remove(handle: number): void {
    this.#entries[handle] = undefined;
    this.#free.push(handle);
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
