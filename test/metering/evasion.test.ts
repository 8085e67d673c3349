import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runCount } from '../support/runs.ts';

/** For each of the three compilers that a candidate is judged with. */
const EACH = runCount(50, 20);

/** The number of candidates ends the search, not its time: it takes seconds, but a busy machine may need many times as long. */
const TIMEOUT_MS = 600_000;

it(
  'lets no program of a short search evade it',
  async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['scripts/fuzz.ts', 'metering', '--minutes', '10', '--seed', '1', '--count', `${3 * EACH}`, '--each', `${EACH}`],
      { timeout: TIMEOUT_MS },
    );
    expect(stdout).toMatch(/fuzz: seeds 1 to \d+, 0 findings/);
    expect(stdout).toContain('endless: stopped METERING_OUT_OF_FUEL');
    expect(stdout).toContain('forged: refused METERING_ALREADY_METERED');
  },
  TIMEOUT_MS,
);
