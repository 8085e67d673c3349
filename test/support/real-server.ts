import { describe } from 'vitest';
import { hasProgram } from '../../tools/servers/docker-registry.ts';

/**
 * Tests against a real server. Where the server cannot be had they are skipped and say so loudly; in CI that is a
 * failure, so that a suite does not stop running unseen.
 */
export function describeWithServer(name: string, isThere: boolean, howToGetIt: string, tests: () => void): void {
  if (isThere) {
    describe(name, tests);
    return;
  }
  const message = `${name}: what it needs is not there; ${howToGetIt}`;
  if (process.env.CI) throw new Error(message);
  console.warn(`\n!!! SKIPPED: ${message}\n`);
  describe.skip(name, tests);
}

/** The same for tests that need programs of Debian's packages of these names. */
export function describeWithPrograms(programs: readonly string[], name: string, tests: () => void): void {
  const missing = programs.filter((program) => !hasProgram(program)).map((program) => PACKAGES[program] ?? program);
  describeWithServer(name, missing.length === 0, `on Debian: apt-get install ${missing.join(' ')}`, tests);
}

const PACKAGES: Readonly<Record<string, string>> = {
  capnp: 'capnproto',
  nginx: 'nginx-light',
  'systemd-analyze': 'systemd',
};
