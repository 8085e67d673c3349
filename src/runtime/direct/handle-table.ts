import type { Quota } from '#core/limits';
import { trap } from '#runtime/exchange';
import type { TaskInstance } from '#runtime/tasks';

/** A thing that a guest has a handle for and that is no resource. */
type HeldByGuest = ReturnType<TaskInstance['handles']['other']>;

/** The most live handles of a store: with more, a guest that never drops resources could fill the host's heap. */
const MAX_HANDLES = 100_000;
/** Bytes that V8 keeps for an entry and its place in the table. */
const ENTRY_BYTES = 64;
/** The quota charges the store for this many entries at a time, and for so many bytes of what tasks hold. */
const CHARGED_AT_ONCE = 64;
const BYTES_AT_ONCE = 2 ** 16;

/** One running call of an export, with the number of handles that it was lent. The guest must drop them before it answers. */
export interface BorrowScope {
  borrows: number;
}

/** A resource that is the guest's own or, with a `scope`, lent to it for that call. */
class Entry {
  readonly resource: number;
  /** The host's object or, for a resource that a component instance defines, that instance's own number for it. */
  readonly representation: unknown;
  readonly scope: BorrowScope | undefined;
  /** To how many running calls the guest has lent it. */
  lends = 0;

  constructor(resource: number, representation: unknown, scope: BorrowScope | undefined) {
    this.resource = resource;
    this.representation = representation;
    this.scope = scope;
  }
}

/** Bounds the handles that the component instances of one store hold together, and charges them to the store. */
export class HandleQuota {
  readonly #hostMemory: Quota;
  #places = 0;
  /** Bytes of threads and of what else tasks need, and the bytes that are charged for them: at most two portions more. */
  #held = 0;
  #charged = 0;

  /** @param hostMemory what the host may keep for the store */
  constructor(hostMemory: Quota) {
    this.#hostMemory = hostMemory;
  }

  /** Charges what the host keeps of a thread, or of something else that tasks need. */
  occupy(bytes: number): void {
    this.#held += bytes;
    if (this.#held <= this.#charged) return;
    if (!this.#hostMemory.take(BYTES_AT_ONCE)) {
      trap('the tasks of the component make the host keep more than it may for a component');
    }
    this.#charged += BYTES_AT_ONCE;
  }

  /** A thread has ended, or something else that was charged was dropped. */
  vacate(bytes: number): void {
    this.#held -= bytes;
    // One portion more than needed stays charged, so that a call more or less seldom changes the charge.
    if (this.#charged - this.#held < 2 * BYTES_AT_ONCE) return;
    this.#charged -= BYTES_AT_ONCE;
    this.#hostMemory.giveBack(BYTES_AT_ONCE);
  }

  /** Charges one more place in a table. Tables keep their places until the store ends. */
  grow(): void {
    if (this.#places % CHARGED_AT_ONCE === 0 && !this.#hostMemory.take(CHARGED_AT_ONCE * ENTRY_BYTES)) {
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
  /** Resources, and other things that handles stand for. */
  readonly #entries: (object | undefined)[] = [undefined];
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
    return this.#place(new Entry(resource, representation, undefined));
  }

  /** Lends a resource to the guest until `scope` ends. */
  addBorrow(resource: number, representation: unknown, scope: BorrowScope): number {
    const handle = this.#place(new Entry(resource, representation, scope));
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

  /** Lends a resource that the guest holds to one call. Give the entry to `giveBack` after the call. */
  lend(handle: number, resource: number): Entry {
    const entry = this.#find(handle, resource);
    entry.lends += 1;
    return entry;
  }

  giveBack(entry: Entry): void {
    entry.lends -= 1;
  }

  /** Drops a handle of the guest. Answers whether the resource was the guest's own, and so must be destroyed. */
  drop(handle: number, resource: number): { readonly representation: unknown; readonly own: boolean } {
    const { scope, lends, representation } = this.#find(handle, resource);
    if (lends > 0) trap('a resource is dropped while it is lent');
    this.#remove(handle);
    if (scope === undefined) return { representation, own: true };
    scope.borrows -= 1;
    return { representation, own: false };
  }

  /** Charges the store for a thread of the instance. */
  occupy(bytes: number): void {
    this.#quota.occupy(bytes);
  }

  vacate(bytes: number): void {
    this.#quota.vacate(bytes);
  }

  /** Gives the guest something that is no resource: a subtask, a waitable set, or an end of a stream or future. */
  addOther(value: HeldByGuest): number {
    this.occupy(value.hostBytes);
    return this.#place(value);
  }

  /** What `addOther` was given. */
  other(handle: number): HeldByGuest {
    const entry = this.#entries[handle];
    if (entry === undefined) trap(`unknown handle index ${handle}`);
    if (entry instanceof Entry) trap(`handle index ${handle} is of another type`);
    return entry as HeldByGuest;
  }

  /** Takes from the guest what `addOther` was given. */
  takeOther(handle: number): HeldByGuest {
    const value = this.other(handle);
    this.#remove(handle);
    this.vacate(value.hostBytes);
    return value;
  }

  /** The instance's own number for a resource that it defines. */
  representation(handle: number, resource: number): unknown {
    return this.#find(handle, resource).representation;
  }

  #place(entry: object): number {
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
    if (!(entry instanceof Entry) || entry.resource !== resource) {
      trap(`handle index ${handle} is of another type`);
    }
    return entry;
  }
}
