import { Quota } from '#core/limits';
import type { HostState } from '#runtime/host';
import type { FileEntry } from '#security/access';
import { HostCharge } from '../host-charge.ts';
import { TYPES } from './stat.ts';

/** One store may list this many folders at a time, each of which the host keeps whole. An entry costs `ENTRY_BYTES` besides its name. */
const MAX_LISTINGS = 8;
const ENTRY_BYTES = 128;

const listings = new WeakMap<HostState, Quota>();

/** WASI's `directory-entry-stream`. It lists a folder as it was when the stream was opened, and is charged to its store. */
export class DirectoryEntryStream {
  readonly #close: () => void;
  #entries: Iterator<FileEntry>;

  constructor(_: HostState, entries: readonly FileEntry[], close: () => void) {
    this.#entries = entries.values();
    this.#close = close;
  }

  readDirectoryEntry(): { type: string; name: string } | undefined {
    const { done, value } = this.#entries.next();
    return done ? undefined : { type: TYPES[value.kind], name: value.name };
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}

export function openListing(caller: HostState, list: () => readonly FileEntry[]): DirectoryEntryStream {
  const { entries, close } = listed(caller, list);
  return new DirectoryEntryStream(caller, entries, close);
}

/**
 * Lists a folder for a stream of its entries. The store is charged until `close`.
 * @throws `insufficient-memory` if the store has too many such streams, or the folder exceeds what the host may keep for the store
 */
export function listed(
  caller: HostState,
  list: () => readonly FileEntry[],
): { readonly entries: readonly FileEntry[]; readonly close: () => void } {
  const places = listings.get(caller) ?? new Quota(MAX_LISTINGS);
  listings.set(caller, places);
  if (!places.take(1)) throw 'insufficient-memory';
  const charge = new HostCharge(caller);
  const close = (): void => {
    charge.end();
    places.giveBack(1);
  };
  try {
    const entries = list();
    if (!charge.take(entries.reduce((sum, { name }) => sum + ENTRY_BYTES + name.length, 0)))
      throw 'insufficient-memory';
    return { entries, close };
  } catch (error) {
    close();
    throw error;
  }
}
