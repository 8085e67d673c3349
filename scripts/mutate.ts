// npm run mutate -- limits [--only NAME] [--list]: breaks the limiter in one place at a time and says which breaks no test notices.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { LIMITS, type Mutation } from './mutate/limits.ts';
import { refuse, scriptOptions } from './script-options.ts';

const USAGE = `usage: npm run mutate -- limits [--only TEXT] [--list]

  --only TEXT    mutations whose name has it
  --list         prints them and runs nothing`;

/** A mutant that still runs after this time, or after twice what all tests take of the source as it is, does not end. */
const LEAST_BUDGET_MS = 60_000;
/** The source as it is gets longer: how fast the machine is shows only there. */
const UNBROKEN_MS = 600_000;

const { values, positionals } = scriptOptions(USAGE, {
  only: { type: 'string' },
  list: { type: 'boolean', default: false },
});
if (positionals[0] !== 'limits') refuse(USAGE, 'say what to mutate: limits');
const chosen = LIMITS.filter(({ name }) => name.includes(values.only ?? ''));
for (const mutation of chosen) checkOnce(mutation);
if (values.list) {
  for (const { name, file } of chosen) console.log(`mutate: ${name} (${file})`);
  process.exit(0);
}

const tests = [...new Set(LIMITS.flatMap((mutation) => mutation.tests))];
const begun = performance.now();
const unbroken = await outcomeOf(undefined, tests, UNBROKEN_MS);
const budgetMs = Math.max(LEAST_BUDGET_MS, 2 * (performance.now() - begun));
if (unbroken.kind !== 'unnoticed') {
  console.error(`mutate: the tests fail on the source as it is; nothing was mutated\n${unbroken.by}`);
  process.exit(1);
}
const unnoticed: string[] = [];
for (const mutation of chosen) {
  const { kind, by } = await outcomeOf(mutation, mutation.tests, budgetMs);
  if (kind === 'unnoticed') unnoticed.push(mutation.name);
  console.log(`mutate: ${kind.padEnd(9)} ${mutation.name}${by === '' ? '' : `\n          ${by}`}`);
}
console.log(`mutate: ${chosen.length} mutations, ${unnoticed.length} that no test notices`);
process.exitCode = unnoticed.length === 0 ? 0 : 1;

/** A mutation whose text is not there, or there more than once, has been overtaken by the source. */
function checkOnce({ name, file, from }: Mutation): void {
  const found = readFileSync(file, 'utf8').split(from).length - 1;
  if (found !== 1) refuse(USAGE, `mutation "${name}": its text stands ${found} times in ${file}`);
}

interface Outcome {
  readonly kind: 'noticed' | 'noticed (did not end)' | 'unnoticed';
  /** The test that failed first. */
  readonly by: string;
}

/** Runs tests in a process of their own; the mutation is made where the source is loaded, not in the file. */
function outcomeOf(mutation: Mutation | undefined, files: readonly string[], budgetMs: number): Promise<Outcome> {
  const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
  const env = { ...process.env, ...(mutation === undefined ? {} : { VIVARIUM_MUTATION: JSON.stringify(mutation) }) };
  const child = spawn(process.execPath, [vitest, 'run', '--bail', '1', '--no-color', ...files], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let written = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    written += text;
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      killGroup(child);
      resolve({ kind: 'noticed (did not end)', by: '' });
    }, budgetMs);
    child.once('close', (code) => {
      clearTimeout(timer);
      const failed = written.split('\n').find((line) => line.trim().startsWith('FAIL')) ?? '';
      resolve({ kind: code === 0 ? 'unnoticed' : 'noticed', by: failed.trim() });
    });
  });
}

/** The runner and its workers, of which one loops. */
function killGroup({ pid }: ChildProcess): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}
