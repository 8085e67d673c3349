/** The long suite runs the expensive properties with all their cases; `npm test` and other suites run them with few. */
const IS_LONG = process.env.VIVARIUM_TEST_SUITE === 'long';

/**
 * How many cases an expensive property has in this suite.
 * @param all in the long suite, where a file imports the one with the property
 * @param few in every other suite; a quarter by default
 */
export function runCount(all: number, few: number = Math.ceil(all / 4)): number {
  return IS_LONG ? all : few;
}

/** As many cases as a synchronous property has in this suite, or as many as fit into some seconds of a busy machine. */
export function runs(all: number): { numRuns: number; interruptAfterTimeLimit: number } {
  return { numRuns: runCount(all), interruptAfterTimeLimit: IS_LONG ? 30_000 : 8_000 };
}
