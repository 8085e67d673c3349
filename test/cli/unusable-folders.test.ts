import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { actor } from '../../tools/components/actor-wat.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { viv } from './viv.ts';

const NAMES = ['VIVARIUM_CACHE_DIR', 'VIVARIUM_HOME'] as const;
let folder: ReturnType<typeof temporaryFolder>;
let before: readonly (string | undefined)[];
beforeEach(async () => {
  folder = temporaryFolder();
  before = NAMES.map((name) => process.env[name]);
  for (const name of NAMES) process.env[name] = folder.at(name);
  writeFileSync(folder.at('actor.wasm'), await actor());
  // Below a file nobody can make a folder, whoever runs this.
  writeFileSync(folder.at('file'), '');
});
afterEach(() => {
  for (const [index, name] of NAMES.entries()) {
    if (before[index] === undefined) delete process.env[name];
    else process.env[name] = before[index];
  }
  folder[Symbol.dispose]();
});

it.each([
  ['VIVARIUM_CACHE_DIR', 'the cache folder'],
  ['VIVARIUM_HOME', 'machine.secret'],
] as const)(
  'viv run says which folder it cannot use when that of %s is read-only, and what to set',
  async (name, what) => {
    process.env[name] = folder.at('file/below');
    const { code, out, err } = await viv(['run', folder.at('actor.wasm'), '--message', 'hello']);
    expect(code).toBe(0);
    const warnings = `${out}\n${err}`.split('\n').filter((line) => line.includes('[warning]'));
    const told = warnings.filter((line) => line.includes(`set ${name} to a folder that can be written`));
    expect(told, warnings.join('\n')).toHaveLength(1);
    expect(told[0]).toContain(folder.at('file/below'));
    expect(told[0]).toContain(what);
  },
);
