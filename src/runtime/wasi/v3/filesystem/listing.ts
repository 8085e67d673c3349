import type { StreamSource } from '#runtime/host';
import type { FileEntry } from '#security/access';
import { TYPES } from '../../filesystem/stat.ts';
import { ALWAYS_READY } from '../../readiness.ts';

/** The most entries that a guest gets at a time. */
const ENTRIES_AT_ONCE = 256;

/** `descriptor-type` of version 0.3, for one of 0.2. */
export function typeOf(type: string): { readonly tag: string } {
  return { tag: type === 'unknown' ? 'other' : type };
}

/** A folder's entries as they were when the stream was opened. */
export function entrySource({ entries, close }: { entries: readonly FileEntry[]; close: () => void }): StreamSource {
  let at = 0;
  return {
    ...ALWAYS_READY,
    read(most) {
      const some = entries.slice(at, at + Math.min(most, ENTRIES_AT_ONCE));
      at += some.length;
      return some.length === 0 ? undefined : some.map(({ kind, name }) => ({ type: typeOf(TYPES[kind]), name }));
    },
    close,
  };
}
