import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { viv } from '../../cli/viv.ts';

const run = promisify(execFile);
/** Building five guests takes its time on a busy machine. */
const TIMEOUT_MS = 120_000;

it('the tour answers, stops the hostile ones, and goes on answering', { timeout: TIMEOUT_MS }, async () => {
  const { stdout } = await run(process.execPath, ['examples/tour/main.ts', '--json']);
  const steps = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const outcome = (component: string): unknown[] =>
    steps.filter((step) => step.component === component).map(({ outcome: result, code }) => code ?? result);
  expect(outcome('tour/hello/1')).toEqual(['reply', 'reply', 'reply', 'reply']);
  expect(outcome('tour/counter/1')).toEqual(['reply', 'reply', 'reply']);
  expect(outcome('tour/endless/1')).toEqual(['METERING_DEADLINE']);
  expect(outcome('tour/greedy/1')).toEqual(['RUNTIME_TRAP']);
  expect(outcome('tour/trapping/1')).toEqual(['RUNTIME_TRAP']);
  for (const step of steps) {
    expect(step).toMatchObject({
      step: expect.any(String),
      fuelConsumed: expect.stringMatching(/^[1-9]\d*$/),
      executionTimeMs: expect.any(Number),
    });
  }
});

it('the example with the shim of jco runs', { timeout: TIMEOUT_MS }, async () => {
  const { stdout } = await run(process.execPath, ['examples/wasi-shim/main.ts']);
  expect(stdout).toBe('Hello, Ada!\nmetered as before\n');
});

it('the embedding example runs as the README shows it', { timeout: TIMEOUT_MS }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-example-'));
  const file = join(folder, 'hello.wasm');
  await viv(['build', 'examples/hello/actor.ts', '-o', file]);
  const { stdout } = await run(process.execPath, ['examples/embedding/main.ts', file]);
  expect(stdout).toBe('Hello, Ada!\nmetered\n');
  await rm(folder, { recursive: true });
});
