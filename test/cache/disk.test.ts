import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { engineProfileId } from '#cache';
import { encodeArtifact, joinSeal } from '../../src/cache/artifact-file.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { answersOf, artifactOf, expectedAnswers, testComponent } from '../../tools/cache/components.ts';
import { HmacTrust } from '../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../tools/cache/profile.ts';
import { temporaryFolder, testCache } from './support/cache.ts';
import { entryFiles, keyOf } from './support/entries.ts';
import { filesWith, systemError } from './support/faulty-files.ts';

const hello = testComponent(7);
const other = testComponent(8);
const isRoot = process.getuid?.() === 0;
const isWindows = process.platform === 'win32';

/** A root with an entry for `hello` in it. */
async function warmRoot(): Promise<string> {
  const root = temporaryFolder();
  const { manager, get } = testCache(root);
  await get(hello);
  await manager.close();
  return root;
}

/** The right answers come although the entry is bad; it is noticed, and the next start finds a good one. */
async function expectHealed(root: string, builds = 1): Promise<void> {
  const cache = testCache(root);
  const compiled = await cache.get(hello);
  expect(answersOf(compiled)).toEqual(expectedAnswers(hello));
  expect(compiled.artifact.javascript).toBe(artifactOf(hello).javascript);
  expect(cache.builds()).toBe(builds);
  expect(cache.manager.metrics().damaged).toBeGreaterThanOrEqual(builds);
  await cache.manager.close();
  const next = testCache(root);
  expect(answersOf(await next.get(hello))).toEqual(expectedAnswers(hello));
  expect(next.builds()).toBe(0);
}

describe('an entry on disk', () => {
  it('is one file of its own user, under the names that the documentation draws', async () => {
    const root = await warmRoot();
    const files = entryFiles(root, hello);
    expect(readdirSync(join(root, 'v1'))).toEqual([engineProfileId(testProfile)]);
    expect(readdirSync(files.artifacts).toSorted()).toEqual(
      [files.artifact, files.metadata].map((path) => path.slice(files.artifacts.length + 1)).toSorted(),
    );
    expect(readdirSync(files.tmp)).toEqual([]);
    expect(readdirSync(files.locks)).toEqual([]);
    expect(JSON.parse(readFileSync(files.description, 'utf8'))).toEqual(testProfile);
    expect(JSON.parse(readFileSync(files.metadata, 'utf8'))).toMatchObject({
      ...keyOf(hello),
      bytes: statSync(files.artifact).size,
      jcoVersion: '0.15.0',
      meteringVersion: '1',
      hits: 0,
    });
    if (isWindows) return;
    const modes = (path: string): number => statSync(path).mode & 0o777;
    expect([files.artifact, files.metadata, files.description].map(modes)).toEqual([0o600, 0o600, 0o600]);
    expect([join(root, 'v1'), files.profile, files.artifacts, files.locks, files.tmp].map(modes)).toEqual(
      Array(5).fill(0o700),
    );
  });

  it('is read once for a hit', async () => {
    const root = await warmRoot();
    const reads: string[] = [];
    const files = filesWith(({ name, path }) => {
      if (name === 'read' || name === 'readFile') reads.push(path);
    });
    const { manager, get } = testCache(root, { files });
    await get(hello);
    const { artifact } = entryFiles(root, hello);
    expect(reads).toEqual([artifact]);
    expect(manager.metrics()).toMatchObject({ diskReads: 1, diskReadBytes: statSync(artifact).size });
  });

  it('counts its uses in the metadata', async () => {
    const root = await warmRoot();
    for (let start = 0; start < 3; start += 1) {
      const { manager, get } = testCache(root);
      await get(hello);
      await get(hello);
      await manager.close();
    }
    expect(JSON.parse(readFileSync(entryFiles(root, hello).metadata, 'utf8')).hits).toBe(6);
  });

  it.each([0, 1, 11, 12, 100, -1])('is rebuilt when it is cut after %j bytes', async (length) => {
    const root = await warmRoot();
    const { artifact } = entryFiles(root, hello);
    truncateSync(artifact, length < 0 ? statSync(artifact).size + length : length);
    await expectHealed(root);
  });

  it('is rebuilt when any bit of it is flipped, or anything is added', async () => {
    const root = await warmRoot();
    const { artifact } = entryFiles(root, hello);
    const good = readFileSync(artifact);
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length * 8 - 1), async (bit) => {
        const bad = Buffer.from(good);
        bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
        writeFileSync(artifact, bad);
        await expectHealed(root);
      }),
      { numRuns: 40 },
    );
    appendFileSync(artifact, 'x');
    await expectHealed(root);
  });

  it.skipIf(isWindows).each([
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
    ['a link to a device that never ends', (path: string) => symlinkSync('/dev/zero', path)],
    ['a link to a terminal', (path: string) => symlinkSync('/dev/tty', path)],
    ['a folder', (path: string) => mkdirSync(path)],
  ])(
    'is built although %s is in the place of its lock, its note and its metadata, and close ends',
    async (_, place) => {
      const root = await warmRoot();
      const files = entryFiles(root, hello);
      const hex = hello.digest.slice('sha256:'.length);
      rmSync(files.artifact);
      rmSync(files.metadata);
      for (const path of [join(files.locks, `${hex}.1`), join(files.locks, `${hex}.failed`), files.metadata])
        place(path);
      const cache = testCache(root);
      expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
      await cache.manager.close();
      const doctor = testCache(root);
      await doctor.manager.doctor();
      await doctor.manager.close();
    },
  );

  it('is not parsed, not even its header of 100 MB, when nobody trusted sealed it', async () => {
    const root = await warmRoot();
    const header = Buffer.alloc(100 * 2 ** 20, '[');
    const start = Buffer.alloc(12);
    start.write('VIVA\0\0\0\u0001', 'latin1');
    start.writeUInt32LE(header.length, 8);
    const content = Buffer.concat([start, header]);
    const seal = await new HmacTrust('another machine').seal(content);
    writeFileSync(entryFiles(root, hello).artifact, joinSeal(content, seal), { mode: 0o600 });
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    await expectHealed(root);
    expect(Math.max(...parse.mock.calls.map(([text]) => text.length))).toBeLessThan(2 ** 20);
  });

  it('is rebuilt when it was swapped with another one, though both are sealed', async () => {
    const root = await warmRoot();
    const cache = testCache(root);
    await cache.get(other);
    await cache.manager.close();
    copyFileSync(entryFiles(root, other).artifact, entryFiles(root, hello).artifact);
    await expectHealed(root);
  });

  it('is rebuilt when it is that of another engine profile', async () => {
    const root = await warmRoot();
    const newer = { ...testProfile, meteringVersion: '2' };
    const cache = testCache(root, { profiles: profilesLike(newer) });
    await cache.get(hello);
    await cache.manager.close();
    copyFileSync(entryFiles(root, hello, engineProfileId(newer)).artifact, entryFiles(root, hello).artifact);
    await expectHealed(root);
  });

  it('is never used when somebody planted it: what it holds would run with the rights of the host', async () => {
    const root = await warmRoot();
    const planted = { ...artifactOf(hello), javascript: 'globalThis.PLANTED = true; export const name = "planted"' };
    const content = encodeArtifact(keyOf(hello), planted);
    const seals = [
      await new HmacTrust('another machine').seal(content),
      await new HmacTrust().seal(encodeArtifact(keyOf(hello), artifactOf(hello))),
      new Uint8Array(32),
      new Uint8Array(0),
    ];
    for (const seal of seals) {
      writeFileSync(entryFiles(root, hello).artifact, joinSeal(content, seal), { mode: 0o600 });
      await expectHealed(root);
    }
  });

  it.skipIf(isWindows)(
    'is rebuilt when a link, a folder or a pipe stands in its place, and where it leads is left alone',
    async () => {
      const root = await warmRoot();
      const { artifact } = entryFiles(root, hello);
      const elsewhere = join(temporaryFolder(), 'elsewhere.viva');
      renameSync(artifact, elsewhere);
      symlinkSync(elsewhere, artifact);
      await expectHealed(root);
      expect(existsSync(elsewhere)).toBe(true);
      expect(lstatSync(artifact).isFile()).toBe(true);

      rmSync(artifact);
      mkdirSync(artifact);
      writeFileSync(join(artifact, 'inside'), '');
      await expectHealed(root);

      rmSync(artifact);
      execFileSync('mkfifo', [artifact]);
      await expectHealed(root);
    },
  );

  it.skipIf(isWindows)('is rebuilt when other users could have written it', async () => {
    const root = await warmRoot();
    chmodSync(entryFiles(root, hello).artifact, 0o666);
    await expectHealed(root);
  });

  it('is rebuilt when it claims to be larger than any entry may be, without reading it', async () => {
    const root = await warmRoot();
    truncateSync(entryFiles(root, hello).artifact, 2 ** 40);
    await expectHealed(root);
  });

  it('is used whatever its metadata says, and the metadata is mended', async () => {
    const root = await warmRoot();
    const { metadata } = entryFiles(root, hello);
    const good = JSON.parse(readFileSync(metadata, 'utf8'));
    const lies = ['', 'null', '{', '[]', `{"x":"${'y'.repeat(1 << 20)}"}`, JSON.stringify({ ...good, bytes: 1 })];
    const more = [
      { ...good, wasmDigest: other.digest },
      { ...good, hits: -1 },
      { ...good, __proto__: { hits: 1 } },
    ];
    for (const lie of [...lies, ...more.map((value) => JSON.stringify(value))]) {
      writeFileSync(metadata, lie);
      const cache = testCache(root);
      expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
      expect(cache.builds()).toBe(0);
      await cache.manager.close();
      const { hits, lastUsedAt, createdAt, ...decided } = JSON.parse(readFileSync(metadata, 'utf8'));
      const { hits: _, lastUsedAt: __, createdAt: ___, ...right } = good;
      expect(decided).toEqual(right);
    }
  });

  it('is not used while the keys that could prove it cannot be read, and is not deleted either', async () => {
    const root = await warmRoot();
    const broken = {
      seal: () => Promise.reject(systemError('EACCES')),
      check: () => Promise.reject(systemError('EACCES')),
    };
    const cache = testCache(root, { trust: broken });
    expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
    expect(cache.builds()).toBe(1);
    expect(cache.troubles).toMatchObject([{ code: 'CACHE_UNAVAILABLE', details: { reason: 'EACCES' } }]);
    const next = testCache(root);
    await next.get(hello);
    expect(next.builds()).toBe(0);
  });
});

describe('a cache folder', () => {
  it('is shared by two versions, which do not see each other', async () => {
    const root = await warmRoot();
    const newer = testCache(root, { profiles: profilesLike({ ...testProfile, jcoVersion: '0.16.0' }) });
    await newer.get(hello);
    expect(newer.builds()).toBe(1);
    const older = testCache(root);
    await older.get(hello);
    expect(older.builds()).toBe(0);
  });

  it('may vanish while the cache is in use', async () => {
    const root = temporaryFolder();
    const cache = testCache(root);
    await cache.get(hello);
    rmSync(root, { recursive: true });
    expect(answersOf(await cache.get(other))).toEqual(expectedAnswers(other));
    expect(cache.troubles).toEqual([]);
    const next = testCache(root);
    await next.get(other);
    expect(next.builds()).toBe(0);
  });

  it('may be a file: the cache then works without it, and says so', async () => {
    const root = join(temporaryFolder(), 'file');
    writeFileSync(root, '');
    const cache = testCache(root);
    for (let turn = 0; turn < 2; turn += 1) {
      expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
    }
    expect(cache.builds()).toBe(1);
    expect(cache.troubles).toMatchObject([{ code: 'CACHE_UNSAFE_ROOT' }]);
    expect(cache.manager.metrics()).toMatchObject({ disk: 'off' });
  });

  it.skipIf(isWindows)('is not used when others can write it, or when a link stands in it', async () => {
    const open = join(temporaryFolder(), 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const linked = temporaryFolder();
    symlinkSync(temporaryFolder(), join(linked, 'v1'));
    for (const root of [open, linked]) {
      const cache = testCache(root);
      expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
      expect(cache.troubles).toMatchObject([{ code: 'CACHE_UNSAFE_ROOT' }]);
    }
    expect(readdirSync(open)).toEqual([]);
  });

  it.skipIf(isWindows)('is closed to others again when it was opened', async () => {
    const root = await warmRoot();
    chmodSync(entryFiles(root, hello).artifacts, 0o755);
    const cache = testCache(root);
    await cache.get(hello);
    expect(cache.builds()).toBe(0);
    expect(statSync(entryFiles(root, hello).artifacts).mode & 0o777).toBe(0o700);
  });

  it.each(['ENOSPC', 'EIO', 'EROFS', 'EMFILE', 'EDQUOT'])(
    'works on without the disk when writing fails with %s',
    async (code) => {
      const root = temporaryFolder();
      const clock = new TestClock();
      let failing = true;
      const files = filesWith(({ name, path }) => {
        if (failing && name === 'write on' && path.endsWith('.tmp')) throw systemError(code);
      });
      // The profile's own file is small enough; make the folder first, as an earlier start would have.
      mkdirSync(entryFiles(root, hello).tmp, { recursive: true });
      const cache = testCache(root, { files, clock });
      expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
      expect(answersOf(await cache.get(other))).toEqual(expectedAnswers(other));
      expect(cache.troubles).toMatchObject([{ code: 'CACHE_UNAVAILABLE', details: { reason: code } }]);
      expect(cache.manager.metrics()).toMatchObject({ disk: 'suspended', stores: 0 });
      expect(readdirSync(entryFiles(root, hello).tmp)).toEqual([]);

      failing = false;
      clock.advance(60_000);
      const third = testComponent(9);
      await cache.get(third);
      expect(cache.manager.metrics()).toMatchObject({ disk: 'ready', stores: 1 });
      expect(existsSync(entryFiles(root, third).artifact)).toBe(true);
    },
  );

  it.runIf(isRoot && process.platform === 'linux')('works on when the disk is full', async () => {
    const root = temporaryFolder();
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'none', root]);
    if (mounted.status !== 0) {
      console.warn('skipped: this machine lets nobody mount a file system');
      return;
    }
    onTestFinished(() => void spawnSync('umount', [root]));
    const cache = testCache(root);
    await cache.get(hello);
    expect(cache.manager.metrics()).toMatchObject({ disk: 'ready', stores: 1 });
    const key = await cache.manager.keyOf(other.digest);
    const large = artifactOf(other, 100_000);
    expect(answersOf(await cache.manager.get(key, async () => large))).toEqual(expectedAnswers(other));
    expect(cache.troubles).toMatchObject([{ code: 'CACHE_UNAVAILABLE', details: { reason: 'ENOSPC' } }]);
    // What was there before is untouched, and nothing half-written is left to fill the disk further.
    expect(readdirSync(entryFiles(root, hello).tmp)).toEqual([]);
    const next = testCache(root);
    await next.get(hello);
    expect(next.builds()).toBe(0);
    const { findings } = await next.manager.doctor();
    expect(findings.map(({ problem }) => problem)).toEqual(['low-space']);
  });

  it('does not keep what is larger than an entry may be', async () => {
    const root = temporaryFolder();
    const cache = testCache(root, { config: { maxArtifactBytes: 100 } });
    expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
    expect(cache.troubles).toMatchObject([{ code: 'CACHE_INVALID_ARTIFACT' }]);
    expect(cache.manager.metrics()).toMatchObject({ disk: 'ready', storeFailures: 1 });
  });

  it('serves what was used while the clock goes backwards', async () => {
    const root = temporaryFolder();
    const clock = new TestClock();
    for (let start = 0; start < 3; start += 1) {
      const cache = testCache(root, { clock });
      expect(answersOf(await cache.get(hello))).toEqual(expectedAnswers(hello));
      expect(cache.builds()).toBe(start === 0 ? 1 : 0);
      await cache.manager.close();
      clock.setWall(clock.now() - 86_400_000);
    }
    const { findings } = await testCache(root, { clock }).manager.doctor();
    expect(findings).toEqual([]);
  });
});

describe('a cache folder with the rights of another user', () => {
  it.runIf(isRoot && !isWindows).each(['read-only', 'foreign', 'closed', 'unreadable'] as const)(
    '%s: works without it',
    async (kind) => {
      const root = await warmRoot();
      const { artifact, artifacts, locks, tmp, profile } = entryFiles(root, hello);
      const nobody = 65_534;
      const all = [root, join(root, 'v1'), profile, artifacts, locks, tmp];
      if (kind === 'foreign') execFileSync('chmod', ['-R', 'go+rX', root]);
      const owner = kind === 'foreign' ? nobody - 1 : nobody;
      if (kind !== 'closed') execFileSync('chown', ['-R', `${owner}:${owner}`, root]);
      if (kind === 'read-only') for (const folder of all.toReversed()) chmodSync(folder, 0o500);
      if (kind === 'unreadable') chmodSync(artifact, 0);
      const script = join(import.meta.dirname, 'support/as-nobody.ts');
      const { stdout, stderr, status } = spawnSync(process.execPath, [script, root, String(nobody)], {
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const { answers, builds, troubles, writable } = JSON.parse(stdout);
      expect(answers).toEqual([expectedAnswers(hello), expectedAnswers(other)]);
      expect(writable).toBe(false);
      // A cache that can be read still serves what is in it.
      expect(builds).toBe(kind === 'read-only' ? 1 : 2);
      const code = kind === 'foreign' ? 'CACHE_UNSAFE_ROOT' : 'CACHE_UNAVAILABLE';
      expect(troubles).toEqual([code]);
    },
  );
});
