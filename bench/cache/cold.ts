import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { actor } from '../../tools/components/actor-wat.ts';
import type { Report } from '../figure.ts';
import { median } from '../support/measure.ts';
import { pythonComponent, starlingMonkeyComponent } from './large-components.ts';

type Times = Readonly<Record<string, number>>;

const PROGRAM = fileURLToPath(new URL('./cold-parts.mjs', import.meta.url));
const ROUNDS = 3;

/** A load that finds nothing in the cache, by its parts, for components of all sizes. Each build has a process of its own. */
export async function coldLoads(report: Report, folder: string, quickJs: string): Promise<void> {
  const small = join(folder, 'small.wasm');
  writeFileSync(small, await actor());
  const components: readonly [string, () => string | Promise<string>][] = [
    ['a small component', () => small],
    ['a QuickJS component', () => quickJs],
    ['a StarlingMonkey component', starlingMonkeyComponent],
    ['a Python component', pythonComponent],
  ];
  for (const [name, make] of components) {
    try {
      await coldLoad(report, name, await make());
    } catch (error) {
      console.error(`not measured: ${name}: ${String(error).split('\n', 1)[0]}`);
    }
  }
}

async function coldLoad(report: Report, name: string, file: string): Promise<void> {
  const size = statSync(file).size;
  const figure = `cold build of ${name} of ${size < 2 ** 20 ? `${Math.ceil(size / 1024)} KB` : `${(size / 2 ** 20).toFixed(1)} MB`}`;
  const rounds = Array.from({ length: ROUNDS }, () => ({
    whole: measured(file, 'whole').whole as number,
    start: measured(file, 'start').start as number,
    parts: measured(file, 'parts'),
    shown: sumOf(measured(file, 'shown')),
  }));
  const middle = (value: (round: (typeof rounds)[number]) => number): Promise<number> => {
    const left = rounds.map(value);
    return median(ROUNDS, () => left.pop() as number);
  };
  const slowest = await middle(({ whole, parts }) => whole / Math.max(...Object.values(parts)));
  report({
    figure,
    value: slowest,
    unit: 'times',
    peer: 'its slowest part',
    goal: 'at most 1.5',
    holds: slowest <= 1.5,
  });
  const before = await middle(({ whole, shown }) => whole / shown);
  const isGoal = name.includes('StarlingMonkey');
  report({
    figure,
    value: before,
    unit: 'times',
    peer: 'its parts one after another, with bodies shown to the transpiler',
    goal: isGoal ? 'at most 0.5' : 'shown',
    holds: !isGoal || before <= 0.5,
  });
  const start = await middle(({ whole, start }) => (start / whole) * 100);
  report({ figure: `${figure}: start of its process`, value: start, unit: '% of it', goal: 'shown', holds: true });
  for (const part of Object.keys(rounds[0]?.parts ?? {})) {
    const value = await middle(({ parts }) => ((parts[part] as number) / sumOf(parts)) * 100);
    report({ figure: `${figure}: ${part}`, value, unit: '% of its parts', goal: 'shown', holds: true });
  }
}

function measured(file: string, how: 'whole' | 'start' | 'parts' | 'shown'): Times {
  return JSON.parse(execFileSync(process.execPath, [PROGRAM, file, how], { encoding: 'utf8' }));
}

function sumOf(times: Times): number {
  return Object.values(times).reduce((sum, each) => sum + each, 0);
}
