import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runCount } from '../support/runs.ts';

const PROGRAMS = runCount(60, 20);
/** The programs and guests that are always among them. */
const ALL = PROGRAMS + 14;

/** It takes seconds, but a busy machine may need many times as long. */
const TIMEOUT_MS = 600_000;

it(
  'gives the same metered bytes, results and fuel in every tier of V8',
  async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['scripts/determinism.ts', '--programs', `${PROGRAMS}`],
      {
        timeout: TIMEOUT_MS,
      },
    );
    const counts = [...stdout.matchAll(/: (\d+) programs, (\d+) different/g)];
    expect(counts.length).toBeGreaterThanOrEqual(2);
    for (const [, programs, different] of counts) expect([Number(programs), Number(different)]).toEqual([ALL, 0]);
  },
  TIMEOUT_MS,
);
