import { Quota } from '#core/limits';
import type { CurrentStore, HostState } from '#runtime/host';
import type { FileEntry } from '#security/access';
import { HostCharge } from '../host-charge.ts';
import { TYPES } from './stat.ts';

/** One store may list this many folders at a time, each of which the host keeps whole. An entry costs `ENTRY_BYTES` besides its name. */
const MAX_LISTINGS = 8;
const ENTRY_BYTES = 128;

/** The class `directory-entry-stream` of one linker, and the function that makes its instances. */
export interface ListingsKit {
  readonly DirectoryEntryStream: new (entries: readonly FileEntry[], close: () => void) => object;
  /** @throws `insufficient-memory` if the store has too many streams, or the folder exceeds what the host may keep for the store */
  open(list: () => readonly FileEntry[]): object;
}

/** Makes WASI's `directory-entry-stream`. It lists a folder as it was when the stream was opened, and is charged to its store. */
export function listingsKit(current: CurrentStore): ListingsKit {
  const listings = new WeakMap<HostState, Quota>();

  class DirectoryEntryStream {
    readonly #close: () => void;
    #entries: Iterator<FileEntry>;

    constructor(entries: readonly FileEntry[], close: () => void) {
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

  return {
    DirectoryEntryStream,
    open(list) {
      const { state } = current;
      const places = listings.get(state) ?? new Quota(MAX_LISTINGS);
      listings.set(state, places);
      if (!places.take(1)) throw 'insufficient-memory';
      const charge = new HostCharge(state);
      const close = (): void => {
        charge.end();
        places.giveBack(1);
      };
      try {
        const entries = list();
        if (!charge.take(entries.reduce((sum, { name }) => sum + ENTRY_BYTES + name.length, 0)))
          throw 'insufficient-memory';
        return new DirectoryEntryStream(entries, close);
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}
