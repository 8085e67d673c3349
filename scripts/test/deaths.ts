import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** The variable of the environment with the path of the file that the reporter writes. */
export const DEATHS_FILE = 'VIVARIUM_TEST_DEATHS';

/** A process of the tests that a signal ended. */
export interface Death {
  /** The runner's words: the signal and the files. */
  readonly message: string;
  /** Paths of the files that the process ran. */
  readonly files: readonly string[];
}

/** What went wrong in a run. */
export interface Deaths {
  readonly deaths: readonly Death[];
  /** Whether a test failed, a file could not be loaded, or something was thrown outside of tests. */
  readonly failures: boolean;
}

const DEATH = /^Worker exited unexpectedly with signal \S+ .*while running test files? (.+)$/;

function deathOf({ cause }: SerializedError): Death | undefined {
  const files = DEATH.exec(cause?.message ?? '')?.[1]?.split(', ');
  if (files === undefined) return undefined;
  return { message: cause?.message ?? '', files: files.map((file) => relative('', file)) };
}

function hasFailed(module: TestModule): boolean {
  return module.state() === 'failed' || [...module.children.allTests('failed')].length > 0;
}

/** Writes down which processes died, for the one who started the runner. */
export default class DeathsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const deaths = errors.map(deathOf);
    const found: Deaths = {
      deaths: deaths.filter((death) => death !== undefined),
      failures: deaths.includes(undefined) || modules.some(hasFailed),
    };
    const file = process.env[DEATHS_FILE];
    if (file !== undefined) writeFileSync(file, JSON.stringify(found));
  }
}
