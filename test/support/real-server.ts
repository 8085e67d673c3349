import { describe } from 'vitest';

/**
 * Tests against a real server. Where the server cannot be had they are skipped and say so loudly; in CI that is a
 * failure, so that a suite does not stop running unseen.
 */
export function describeWithServer(name: string, isThere: boolean, howToGetIt: string, tests: () => void): void {
  if (isThere) {
    describe(name, tests);
    return;
  }
  if (process.env.CI !== undefined) throw new Error(`${name}: the server is not there; ${howToGetIt}`);
  console.warn(`\n!!! SKIPPED: ${name}: the server is not there; ${howToGetIt}\n`);
  describe.skip(name, tests);
}
