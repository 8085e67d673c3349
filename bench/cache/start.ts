import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transpileBytes } from '@bytecodealliance/jco-transpile';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';

type Times = Readonly<Record<string, number>>;

const ROUNDS = 15;
/** Runs of each that nobody counts: files come into the page cache, and the machine's clock up to speed. */
const WARM_UP = 3;

/** Process start to first reply, from a warm disk: Vivarium beside a plain cache of files with their SHA-256. */
export async function starts(report: Report, folder: string, component: string): Promise<void> {
  const plain = join(folder, 'plain');
  await writePlainCache(plain, component);
  rmSync(process.env.VIVARIUM_CACHE_DIR as string, { recursive: true, force: true });
  const cold = runChild('start-vivarium.mjs', component);
  const size = `${(readFileSync(component).length / 1e6).toFixed(1)} MB`;
  report(information(`${size} QuickJS component, process start to first reply, cold`, cold.total as number));
  for (let round = 0; round < WARM_UP; round += 1) {
    runChild('start-vivarium.mjs', component);
    runChild('start-plain.mjs', plain);
  }
  const theirs: Times[] = [];
  const { a, b, ratio } = await paired(
    ROUNDS,
    () => runChild('start-vivarium.mjs', component).total as number,
    () => kept(theirs, runChild('start-plain.mjs', plain)),
  );
  const figure = `${size} QuickJS component, process start to first reply, warm disk`;
  report({ figure, value: ratio, unit: 'times', peer: 'plain file cache', goal: '<= 1.2', holds: ratio <= 1.2 });
  report(information(`${figure}: vivarium`, a));
  report(information(`${figure}: plain file cache`, b));
  const ours = Array.from({ length: ROUNDS }, () => runChild('start-vivarium.mjs', component, 'parts'));
  for (const [name, all] of [
    ['vivarium', ours],
    ['plain file cache', theirs],
  ] as const) {
    for (const part of Object.keys(all[0] as Times)) {
      if (part !== 'total')
        report(information(`  of ${name}: ${part}`, middle(all.map((times) => times[part] as number))));
    }
  }
}

export function information(figure: string, value: number, unit = 'ms'): Parameters<Report>[0] {
  return { figure, value, unit, goal: 'for the ratio', holds: true };
}

function runChild(script: string, ...args: string[]): Times {
  const path = fileURLToPath(new URL(script, import.meta.url));
  return JSON.parse(execFileSync(process.execPath, [path, ...args], { encoding: 'utf8' }));
}

function kept(all: Times[], times: Times): number {
  all.push(times);
  return times.total as number;
}

function middle(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

async function writePlainCache(folder: string, component: string): Promise<void> {
  const { files } = await transpileBytes(readFileSync(component), {
    name: 'plain',
    instantiation: 'async',
    wasiShim: false,
  });
  mkdirSync(folder, { recursive: true });
  const manifest: Record<string, string> = {};
  for (const [name, bytes] of Object.entries(files)) {
    if (!name.endsWith('.wasm') && !name.endsWith('.js')) continue;
    writeFileSync(join(folder, name), bytes as Uint8Array);
    manifest[name] = createHash('sha256')
      .update(bytes as Uint8Array)
      .digest('hex');
  }
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
}
