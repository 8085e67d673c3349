// What a loop of hostile calls may leave behind: nothing. The assertions that every loop of the harness shares.
import { existsSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

export const LONG_SUITE: boolean = process.env.VIVARIUM_TEST_SUITE === 'long';
/** How often a loop does its round: `npm test` looks into every function shortly, `npm run test:long` for longer. */
export const ROUNDS: number = LONG_SUITE ? 1_000 : 20;
/** The same for rounds that load a component or take several turns. */
export const SLOW_ROUNDS: number = LONG_SUITE ? 100 : 10;

/** Bytes that a loop may seem to have left: caches, compiled code, counters. A leak of the long form is larger. */
const HEAP_NOISE = 8 * 2 ** 20;
/** The heap, its pages that are not given back yet, and what the allocator keeps for later. */
const RESIDENT_NOISE = 256 * 2 ** 20;
/** Timers of the runtime's own that come and go by themselves: its clock's wheel, the idle build child's. */
const OWN_TIMERS = 2;
const DESCRIPTORS = '/proc/self/fd';
/** What one turn of a loop may take of the processor: a busy machine does not count, an endless piece of work does. */
const MOST_TURN_MS = 1_000;

interface Held {
  readonly descriptors: number;
  readonly timers: number;
  readonly heap: number;
  readonly resident: number;
}

function held(memory: boolean): Held {
  if (memory) collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    // Where the system does not list them, sockets and files are still seen by the charges.
    descriptors: existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0,
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    heap: memory ? heapUsed + external : 0,
    resident: memory ? rss : 0,
  };
}

/**
 * Runs a loop and looks at what is left of it: descriptors, timers, heap and resident memory as before. What ends a little
 * later than the loop (sockets, look-ups) is waited for.
 * @param memory false to spare the collection of garbage, where a loop is too short to tell a leak from noise
 */
export async function leavesNothing(loop: () => Promise<unknown>, memory = true): Promise<void> {
  const before = held(memory);
  await loop();
  await expect.poll(() => left(before, held(memory)), { interval: 20 }).toEqual(NOTHING);
}

const NOTHING: Held = { descriptors: 0, timers: 0, heap: 0, resident: 0 };

function left(before: Held, after: Held): Held {
  const more = (name: keyof Held, noise = 0): number => Math.max(0, after[name] - before[name] - noise);
  return {
    descriptors: more('descriptors'),
    timers: more('timers', OWN_TIMERS),
    heap: more('heap', HEAP_NOISE),
    resident: more('resident', RESIDENT_NOISE),
  };
}

/** Does something at once, which may not hold the thread: its own time on the processor is counted, not the clock's. */
export function atOnce<T>(act: () => T): T {
  const before = process.threadCpuUsage();
  try {
    return act();
  } finally {
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000, 'milliseconds that one call held the thread').toBeLessThan(MOST_TURN_MS);
  }
}
