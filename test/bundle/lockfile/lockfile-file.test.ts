import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadLockfile, saveLockfile } from '../../../src/bundle/lockfile/lockfile-file.ts';
import type { Lockfile } from '../../../src/bundle/lockfile/model.ts';
import { rooted } from '../../support/lockfile-arbitrary.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const HASH = 'cd'.repeat(32);

function lockfile(path: string): Promise<Lockfile> {
  const meta = {
    producer: 'mache',
    producerVersion: '1',
    schemaVersion: '0.1.0',
    inputProcessors: [],
    generatedAtMs: 5,
  };
  return rooted({ meta, sources: [{ path, inputHash: HASH, chunkHash: HASH, kind: '' }], topology: [], root: '' });
}

it('a lockfile that says the same is not written again, and one that was changed is', async () => {
  using folder = temporaryFolder();
  const files = ['mache.lock.bin', 'mache.lock.toml'].map((name) => folder.at(name));
  await saveLockfile(folder.path, await lockfile('a'));
  for (const file of files) utimesSync(file, 1, 1);
  await saveLockfile(folder.path, await lockfile('a'));
  expect(files.map((file) => statSync(file).mtimeMs)).toEqual([1_000, 1_000]);
  const [binary, text] = files as [string, string];
  const before = readFileSync(text, 'utf8');
  writeFileSync(text, before.replace('path = "a"', 'path = "b"'));
  await saveLockfile(folder.path, await lockfile('a'));
  expect(readFileSync(text, 'utf8')).toBe(before);
  await saveLockfile(folder.path, await lockfile('c'));
  expect((await loadLockfile(binary)).lockfile.sources[0]?.path).toBe('c');
});

it.skipIf(process.platform === 'win32')('a pipe in the place of a lockfile is not waited for', async () => {
  using folder = temporaryFolder();
  const path = folder.at('mache.lock.bin');
  execFileSync('mkfifo', [path]);
  await expect(loadLockfile(folder.path, 'mache')).rejects.toMatchObject({ code: 'BUNDLE_NOT_FOUND' });
  await saveLockfile(folder.path, await lockfile('a'));
  expect((await loadLockfile(folder.path, 'mache')).lockfile).toEqual(await lockfile('a'));
  rmSync(path);
});
