import { getHeapStatistics } from 'node:v8';

/*
 * How many bytes of the host's heap a value takes once it is lifted out of a guest. Each number is at least what was measured on
 * Node 24 and 26; `test/runtime/heap-cost.test.ts` repeats the measurement. The numbers matter because one byte of a guest may become
 * an object of the host.
 */

/** A typed array and its buffer, without the bytes in the buffer. */
export const TYPED_ARRAY_BYTES = 280;
/** A list that items are pushed to, after the first push. */
export const LIST_BYTES = 192;
/** An item's slot in a list whose capacity grows by half. */
export const ITEM_BYTES = 16;
/** A string, without its characters. */
export const TEXT_BYTES = 32;
/** An object without properties, or an array without items. */
export const OBJECT_BYTES = 48;
export const PROPERTY_BYTES = 8;
/** A number that is not a small integer, a bigint of 64 bits, or a character. */
export const BOXED_BYTES = 24;

/** Lifted code makes this many items between two checks of the clock. */
export const ITEMS_PER_LOOK = 2_048;
/** The host lifts this many bytes between two checks of the clock. */
export const BYTES_PER_LOOK = 262_144;

/** The bounds on lifting values out of one store. */
export interface LiftBounds {
  /** The values of one call may take at most this many bytes of the host. */
  readonly mostBytes: number;
  /** Checks the clock, and ends the store if the call's time is over. */
  look(): void;
}

/** The values of one call may exceed the component's memory limit by this many bytes, because a small memory may hold a long list. */
export const LIFT_SLACK = 8 * 2 ** 20;
/** Half of V8's heap limit. No component may lift more, whatever its own limit, because a full heap ends the process. */
const MOST_OF_HEAP = getHeapStatistics().heap_size_limit / 2;

export function mostLifted(maxMemoryBytes: number): number {
  return Math.min(maxMemoryBytes, MOST_OF_HEAP) + LIFT_SLACK;
}
