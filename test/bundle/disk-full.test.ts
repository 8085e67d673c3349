import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ChunkStore } from '../../src/bundle/chunks/chunk-store.ts';
import { loadLockfile } from '../../src/bundle/lockfile/lockfile-file.ts';
import { bundleFixture } from '../support/bundle-fixture.ts';
import { OciRegistry } from '../support/oci-registry.ts';

/** A file system of a few megabytes can be mounted only by root; elsewhere test/long cannot do it either. */
function mountSmall(folder: string, size: string): boolean {
  return spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status === 0;
}

describe('a disk that is full', () => {
  it('ends a pull with an error, and shows nothing of it', async (context) => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(
      Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`f${index}`, Buffer.alloc(2 ** 20, `${index}`)])),
    );
    await fixture.push();
    const small = fixture.at('small');
    mkdirSync(small);
    if (!mountSmall(small, '4m')) {
      console.warn('SKIPPED: a small file system cannot be mounted here (needs root)');
      context.skip();
      return;
    }
    try {
      await expect(fixture.pull('small/target')).rejects.toMatchObject({ code: 'BUNDLE_STORAGE_FAILED' });
      expect(existsSync(fixture.at('small', 'target'))).toBe(false);
      for (const name of readdirSync(small)) {
        const objects = readdirSync(fixture.at('small', name, 'objects'));
        expect(objects.filter((object) => object.endsWith('.tmp'))).toEqual([]);
      }
    } finally {
      spawnSync('umount', ['-l', small]);
    }
    await fixture.pull('roomy');
    const { lockfile, folder } = await loadLockfile(fixture.at('roomy'), 'mache');
    for (const { chunkHash } of lockfile.sources) expect(await new ChunkStore(folder).check(chunkHash)).toBe('right');
  });
});
