import { describe } from 'vitest';
import { hasProgram } from './docker-registry.ts';

/** A suite that needs programs: where one is missing it is skipped, loudly; where `CI` is set it must not be missing. */
export function describeWith(programs: readonly string[], name: string, suite: () => void): void {
  const missing = programs.filter((program) => !hasProgram(program));
  if (missing.length === 0) {
    describe(name, suite);
    return;
  }
  const message = `${name} needs ${missing.join(', ')} (Debian: docker-registry, skopeo, capnproto, openssl)`;
  if (process.env.CI) throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  describe.skip(name, suite);
}
