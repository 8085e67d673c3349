import type { Timestamp } from '#core/messages';
import type { FileFacts, FileTimes } from '#security/access';

/** `wasi:filesystem/types.new-timestamp`. */
export type NewTimestamp =
  | { readonly tag: 'no-change' }
  | { readonly tag: 'now' }
  | { readonly tag: 'timestamp'; readonly val: Timestamp };

export function datetimeOf(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  return { seconds: BigInt(Math.max(0, seconds)), nanoseconds: (ms - seconds * 1_000) * 1_000_000 };
}

/** Returns a function that computes a file's new times from its present ones. */
export function newTimes(accessed: NewTimestamp, modified: NewTimestamp, now: number): (has: FileFacts) => FileTimes {
  return ({ accessedMs, modifiedMs }) => ({
    accessedMs: timeOf(accessed, accessedMs, now),
    modifiedMs: timeOf(modified, modifiedMs, now),
  });
}

function timeOf(wanted: NewTimestamp, has: number, now: number): number {
  if (wanted.tag === 'no-change') return has;
  if (wanted.tag === 'now') return now;
  // These bounds are beyond what any file system can store, and a number still holds such milliseconds exactly.
  if (wanted.val.seconds > 2n ** 40n || wanted.val.seconds < -(2n ** 40n)) throw 'overflow';
  return Number(wanted.val.seconds) * 1_000 + Math.floor(wanted.val.nanoseconds / 1_000_000);
}
