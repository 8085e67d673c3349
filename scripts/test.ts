// Runs a suite: `unit` (default), `--suite servers`, `--suite long`. `--seed N` replays properties with that seed.
// `--again-after-death` runs the files of a process that a signal ended once more (ADR 0352).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEATHS_FILE, type Deaths } from './test/deaths.ts';

const passed = process.argv.slice(2);
const env: NodeJS.ProcessEnv = { ...process.env };
for (const [option, variable] of [
  ['--seed', 'VIVARIUM_TEST_SEED'],
  ['--suite', 'VIVARIUM_TEST_SUITE'],
] as const) {
  const at = passed.indexOf(option);
  if (at !== -1) env[variable] = passed.splice(at, 2)[1];
}
const again = passed.indexOf('--again-after-death');
if (again !== -1) passed.splice(again, 1);
process.exit(again === -1 ? run(passed, env) : runWithDeaths());

function run(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
  return spawnSync(process.execPath, [vitest, 'run', ...args], { stdio: 'inherit', env }).status ?? 1;
}

/** Runs the suite, and the files of one process that died, if nothing else went wrong. */
function runWithDeaths(): number {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-deaths-'));
  try {
    const file = join(folder, 'deaths.json');
    const reporter = fileURLToPath(new URL('test/deaths.ts', import.meta.url));
    const reporters = ['--reporter=default', `--reporter=${reporter}`];
    const status = run([...passed, ...reporters], { ...env, [DEATHS_FILE]: file });
    // A runner that dies itself writes nothing down.
    if (status === 0 || !existsSync(file)) return status;
    const { deaths, failures } = JSON.parse(readFileSync(file, 'utf8')) as Deaths;
    const [death] = deaths;
    if (death === undefined || failures || deaths.length > 1) return status;
    console.log(`\nA process of the tests died; its files run once more: ${death.message}`);
    const options = passed.filter((argument) => argument.startsWith('-'));
    const second = run([...options, ...death.files], env);
    console.log(`WARNING: ${second === 0 ? 'passed' : 'failed'} the second time: ${death.message}`);
    return second;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
