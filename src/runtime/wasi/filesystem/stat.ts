import { createHmac } from 'node:crypto';
import type { FileEntry, FileFacts } from '#security/access';
import { datetimeOf } from './times.ts';

/** The cases of WASI's `descriptor-type`. */
export const TYPES: Readonly<Record<FileEntry['kind'], string>> = {
  file: 'regular-file',
  folder: 'directory',
  link: 'symbolic-link',
  other: 'unknown',
};

/** WASI's `descriptor-stat`. */
export function statOf({ kind, links, size, accessedMs, modifiedMs, changedMs }: FileFacts): object {
  return {
    type: TYPES[kind],
    linkCount: BigInt(links),
    size: BigInt(size),
    dataAccessTimestamp: datetimeOf(accessedMs),
    dataModificationTimestamp: datetimeOf(modifiedMs),
    statusChangeTimestamp: datetimeOf(changedMs),
  };
}

/** Returns a hash that changes when the file changes. It is keyed, so that a guest cannot find out the file's identity by guessing. */
export function hashOf(key: Uint8Array, { identity, size, modifiedMs }: FileFacts): { lower: bigint; upper: bigint } {
  const digest = createHmac('sha256', key).update(`${identity} ${size} ${modifiedMs}`).digest();
  return { lower: digest.readBigUInt64LE(0), upper: digest.readBigUInt64LE(8) };
}
