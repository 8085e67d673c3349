// npm run bench -- [GROUP...] [--json]: measures and prints each figure beside its goal.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, styleText } from 'node:util';
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
const HELP = `npm run bench -- [GROUP...] [--json]

Measures, and prints each figure beside its goal. Without a group all are measured, one after the other.

  --json   prints each figure as a line of JSON
  --help   prints this

Groups: ${GROUPS.join(', ')}`;

const { values, positionals: wanted } = options();
if (values.help) {
  console.log(HELP);
  process.exit();
}
const { json } = values;
const unknown = wanted.filter((group) => !GROUPS.includes(group));
if (unknown.length > 0) refuse(`no such group: ${unknown.join(', ')}`);

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } },
    });
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(reason: string): never {
  console.error(`${reason}\n\n${HELP}`);
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
