import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { BULK, LOOPS } from '../../tools/metering/endless.ts';
import { RECURSIONS } from './support/recursion.ts';

const script = fileURLToPath(new URL('./support/in-tier.ts', import.meta.url));
const WANTED = Object.fromEntries([
  ...[...LOOPS, ...BULK].map(([name]) => [name, 'METERING_OUT_OF_FUEL']),
  ...RECURSIONS.map(([calls, around]) => [`${calls}, with ${around}`, 'METERING_STACK']),
]);

describe('a guest ends in the same way', () => {
  it.each([
    ['in baseline code alone', '--liftoff-only'],
    ['in optimised code alone', '--no-liftoff'],
    ['in code that was optimised at once', '--wasm-tiering-budget=1'],
  ])('%s, looping, recursing or working in bulk', async (_, flag) => {
    const { stdout } = await promisify(execFile)(process.execPath, [flag, script], { timeout: 600_000 });
    expect(JSON.parse(stdout)).toEqual(WANTED);
  });
});
