// npm run bench -- [GROUP...] [--json]: measures and prints each figure beside its goal.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { styleText } from 'node:util';
import type { Figure, RunGroup } from './figure.ts';

const GROUPS = [
  'runtime',
  'metering',
  'messages',
  'cache',
  'bundle',
  'registry',
  'authority',
  'guests',
  'waiting',
  'async',
  'http',
];
const json = process.argv.includes('--json');
const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const unknown = wanted.filter((group) => !GROUPS.includes(group));
if (unknown.length > 0) {
  console.error(`no such group: ${unknown.join(', ')}; there are ${GROUPS.join(', ')}`);
  process.exit(2);
}

// What is measured uses no cache and no keys of whoever runs it.
const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-'));
process.env.VIVARIUM_CACHE_DIR = join(folder, 'cache');
process.env.VIVARIUM_HOME = join(folder, 'home');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

// A reader such as `head` may leave early.
process.stdout.on('error', () => process.exit());

for (const group of wanted.length > 0 ? wanted : GROUPS) {
  const file = new URL(`./${group}/index.ts`, import.meta.url);
  if (!existsSync(file)) continue;
  const { run } = (await import(file.href)) as { run: RunGroup };
  if (!json) console.log(styleText('bold', `\n${group}  (Node ${process.versions.node})`));
  await run((figure) => print({ group, ...figure }));
}

function print(figure: Figure): void {
  if (json) {
    console.log(JSON.stringify(figure));
    return;
  }
  const against = figure.peer === undefined ? '' : ` against ${figure.peer}`;
  const mark = figure.holds ? styleText('green', 'holds') : styleText('red', 'MISSED');
  const value = Number(figure.value.toPrecision(4)).toLocaleString('en');
  console.log(`  ${figure.figure}: ${value} ${figure.unit}${against}; goal ${figure.goal}: ${mark}`);
}
