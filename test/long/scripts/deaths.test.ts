// What `scripts/test.ts` makes of a process that a signal ended, with files of its own in a folder of its own.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

/** Dies when it is run, as often as it is told. */
const dying = (times: number): string => `
  import { mkdirSync, readdirSync } from 'node:fs';
  it('dies', () => {
    const deaths = readdirSync('deaths').length;
    if (deaths >= ${times}) return;
    mkdirSync('deaths/' + deaths + process.env.VITEST_POOL_ID);
    process.kill(process.pid, 'SIGSEGV');
    for (;;);
  });`;
const PASSES = "it('passes', () => {});";
const FAILS = "it('fails', () => { throw new Error('as it should'); });";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vivarium-deaths-test-'));
  mkdirSync(join(folder, 'deaths'));
  writeFileSync(
    join(folder, 'vitest.config.mjs'),
    "export default { test: { globals: true, pool: 'forks', maxWorkers: 1 } };",
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function run(
  files: Readonly<Record<string, string>>,
  ...options: readonly string[]
): { status: number; output: string } {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, `${name}.test.mjs`), text);
  const args = [resolve('scripts/test.ts'), ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  return { status: status ?? -1, output: stdout + stderr };
}

it('a file whose process died passes when it passes by itself, with a warning that names the signal and the file', () => {
  const { status, output } = run({ dies: dying(1), passes: PASSES }, '--again-after-death');
  expect(output).toMatch(/^WARNING: passed the second time: .* signal SIGSEGV .*dies\.test\.mjs$/m);
  expect(output).toMatch(/Tests {2}1 passed[\s\S]*Tests {2}1 passed/);
  expect(status).toBe(0);
});

it.each([
  ['nobody asked for it', { dies: dying(1) }, []],
  ['a test has failed too', { dies: dying(1), fails: FAILS }, ['--again-after-death']],
  ['two processes died', { dies: dying(2), 'dies-too': dying(2) }, ['--again-after-death']],
])('a process that died fails the run at once where %s', (_, files, options) => {
  const { status, output } = run(files, ...options);
  expect(output).toContain('SIGSEGV');
  expect(output).not.toMatch(/second time/);
  expect(status).toBe(1);
});

it('a file whose process dies again fails the run', () => {
  const { status, output } = run({ dies: dying(2) }, '--again-after-death');
  expect(output).toMatch(/^WARNING: failed the second time: /m);
  expect(status).toBe(1);
});
