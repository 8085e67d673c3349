// Waiting until nothing happens any more that a test has not asked for.
import type { Runtime } from '#system';

const watched = new Set<Runtime>();

/** Has `settled` wait for the guests of a runtime. */
export function watch(runtime: Runtime): Runtime {
  watched.add(runtime);
  return runtime;
}

/** A guest that still computes then does not end by itself. */
const MOST_ROUNDS = 10_000;

const ROUNDS = 20;

/**
 * Rounds of the event loop, in which everything happens that waits for nothing: as many as promises and streams take, once no guest
 * computes. The slower a machine is, the more often a guest that computes is suspended.
 */
export async function settled(): Promise<void> {
  for (let round = 0, quiet = 0; quiet < ROUNDS && round < MOST_ROUNDS; round++, quiet++) {
    await new Promise((resolve) => setImmediate(resolve));
    const isBusy = [...watched].some((runtime) => runtime.components().some(({ state }) => state === 'handling'));
    if (isBusy) quiet = 0;
  }
}
