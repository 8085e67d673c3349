import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addedFiles } from '../../src/bundle/added-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('files that were added to a tree', () => {
  it('are those of a kind that the lockfile has, in any folder', async () => {
    using folder = temporaryFolder();
    const put = (...paths: string[]) => {
      for (const path of paths) {
        mkdirSync(folder.at(path, '..'), { recursive: true });
        writeFileSync(folder.at(path), '');
      }
    };
    put('a.go', 'sub/b.go', '.ci/c.go', 'Makefile');
    put('new.go', 'sub/deep/new.go', '.ci/new.go', 'sub/Makefile', 'README.md', 'other');
    put('.git/new.go', 'node_modules/x/new.go', 'out/objects/new.go');
    symlinkSync(folder.at('a.go'), folder.at('link.go'));
    symlinkSync(folder.at('sub'), folder.at('linked'));
    const sources = ['a.go', 'sub/b.go', '.ci/c.go', 'Makefile'].map((path) => ({
      path,
      kind: '',
      inputHash: '',
      chunkHash: '',
    }));
    expect(await addedFiles(folder.path, sources, folder.at('out'))).toEqual([
      '.ci/new.go',
      'new.go',
      'sub/Makefile',
      'sub/deep/new.go',
    ]);
  });
});
