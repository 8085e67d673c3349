import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { adderComponent } from '../../tools/components/adder-component.ts';
import { scratchFolder } from '../security/scratch.ts';
import { homeIn } from '../support/home-in.ts';

const run = promisify(execFile);

it('the commands in docs/registry.md do what they say, one after another', async () => {
  const [, block = ''] = /```sh\n(viv key new[\s\S]*?)```/.exec(readFileSync('docs/registry.md', 'utf8')) ?? [];
  const commands = block.split('\n').filter(Boolean);
  expect(commands).toHaveLength(10);
  const folder = scratchFolder();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'viv'), `#!/bin/sh\nexec '${process.execPath}' '${resolve('bin/viv.js')}' "$@"\n`);
  chmodSync(join(bin, 'viv'), 0o755);
  writeFileSync(join(folder, 'adder.wasm'), await adderComponent());
  writeFileSync(join(folder, 'adder.wit'), 'package a:b; world w { export add: func(a: u32, b: u32) -> u32; }');
  const env = {
    PATH: `${bin}${delimiter}${process.env.PATH}`,
    HOME: folder,
    VIVARIUM_HOME: homeIn(folder),
    VIVARIUM_CACHE_DIR: process.env.VIVARIUM_CACHE_DIR,
  };
  let id = 'none yet';
  const said = new Map<string, string>();
  for (const command of commands) {
    const { stdout } = await run('sh', ['-c', command.replaceAll(/\bID\b/g, id)], { cwd: folder, env });
    said.set(command.split(' ').slice(1, 3).join(' '), stdout);
    if (command.includes('registry publish')) id = /^[0-9a-f-]{36}/.exec(stdout)?.[0] ?? '';
  }
  expect(said.get('registry publish')).toContain('verified');
  expect(said.get('registry query')).toContain(id);
  expect(said.get('call registry:ID')).toContain('3');
  expect(said.get('registry list')).toContain(id);
  expect(said.get('registry stats')).toContain('1 verified');
  expect(said.get('registry revoke')).toContain('revoked');
  expect(said.get('registry gc')).toContain('0 of 1 blob deleted');
  expect(readFileSync(join(folder, 'copy.wasm'))).toEqual(readFileSync(join(folder, 'adder.wasm')));
});
