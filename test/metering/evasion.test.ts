import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('lets no program of a short search evade it', async () => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['scripts/fuzz.ts', 'metering', '--minutes', '0.3', '--seed', '1', '--count', '150'],
    { timeout: 60_000 },
  );
  expect(stdout).toMatch(/fuzz: seeds 1 to \d+, 0 findings/);
  expect(stdout).toContain('endless: stopped METERING_OUT_OF_FUEL');
  expect(stdout).toContain('forged: refused METERING_ALREADY_METERED');
}, 90_000);
