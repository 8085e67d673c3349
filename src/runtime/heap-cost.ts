import { getHeapStatistics } from 'node:v8';

/*
 * What values that are lifted out of a guest take of the host, in bytes: at least what was measured on Node 24 and 26,
 * which `test/runtime/heap-cost.test.ts` repeats. A guest's byte may become an object.
 */

/** A typed array with the buffer that it is of, beside the bytes in that. */
export const TYPED_ARRAY_BYTES = 280;
/** A list that items are pushed to, as it is after the first. */
export const LIST_BYTES = 192;
/** An item's place in a list that grows by half. */
export const ITEM_BYTES = 16;
/** A text, beside its characters. */
export const TEXT_BYTES = 32;
/** An object without properties, or an array without items. */
export const OBJECT_BYTES = 48;
export const PROPERTY_BYTES = 8;
/** A number that is no small integer, a bigint of 64 bits, or a character. */
export const BOXED_BYTES = 24;

/** Items that are made between two looks at the clock. */
export const ITEMS_PER_LOOK = 2_048;
/** Bytes that are lifted between two looks at the clock. */
export const BYTES_PER_LOOK = 262_144;

/** What bounds the lifting of one store's values. */
export interface LiftBounds {
  /** Bytes of the host that the values of one call may take. */
  readonly mostBytes: number;
  /** Looks at the clock: ends the store when the call's time is over. */
  look(): void;
}

/** How much more than a component's memory limit the values of one call may take: a small memory may hold a long list. */
export const LIFT_SLACK = 8 * 2 ** 20;
/** Half of V8's heap: no limit of a component's is worth more, since the process ends where the heap does. */
const MOST_OF_HEAP = getHeapStatistics().heap_size_limit / 2;

export function mostLifted(maxMemoryBytes: number): number {
  return Math.min(maxMemoryBytes, MOST_OF_HEAP) + LIFT_SLACK;
}
