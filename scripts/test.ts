// Runs a suite: `unit` (default), `--suite servers`, `--suite long`. `--seed N` replays properties with that seed.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const passed = process.argv.slice(2);
const env: NodeJS.ProcessEnv = { ...process.env };
for (const [option, variable] of [
  ['--seed', 'VIVARIUM_TEST_SEED'],
  ['--suite', 'VIVARIUM_TEST_SUITE'],
] as const) {
  const at = passed.indexOf(option);
  if (at !== -1) env[variable] = passed.splice(at, 2)[1];
}
const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', ...passed], { stdio: 'inherit', env });
process.exit(status ?? 1);
