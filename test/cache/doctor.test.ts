import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { answersOf, expectedAnswers, testComponent } from '../../tools/cache/components.ts';
import { HmacTrust } from '../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../tools/cache/profile.ts';
import { temporaryFolder, testCache } from './support/cache.ts';
import { entryFiles } from './support/entries.ts';
import { systemError } from './support/faulty-files.ts';

const hello = testComponent(7);
const other = testComponent(8);
const third = testComponent(9);

async function filled(): Promise<string> {
  const root = temporaryFolder();
  const cache = testCache(root);
  for (const component of [hello, other, third]) await cache.get(component);
  await cache.manager.close();
  return root;
}

/** What can go wrong in a root that `filled` made: how it comes about, and what the doctor calls it. */
const harms: readonly [string, string, (root: string) => void][] = [
  ['a truncated entry', 'damaged', (root) => truncateSync(entryFiles(root, hello).artifact, 100)],
  ['an empty entry', 'damaged', (root) => truncateSync(entryFiles(root, hello).artifact, 0)],
  [
    'a flipped bit',
    'untrusted',
    (root) => {
      const { artifact } = entryFiles(root, hello);
      const bytes = readFileSync(artifact);
      bytes[bytes.length - 100] = (bytes[bytes.length - 100] as number) ^ 1;
      writeFileSync(artifact, bytes);
    },
  ],
  [
    'a swapped entry',
    'wrong-key',
    (root) => copyFileSync(entryFiles(root, other).artifact, entryFiles(root, hello).artifact),
  ],
  [
    'a link',
    'damaged',
    (root) => {
      rmSync(entryFiles(root, hello).artifact);
      symlinkSync('/etc/passwd', entryFiles(root, hello).artifact);
    },
  ],
  ['an entry that others can read', 'open-to-others', (root) => chmodSync(entryFiles(root, hello).artifact, 0o644)],
  ['a folder that others can read', 'open-to-others', (root) => chmodSync(entryFiles(root, hello).artifacts, 0o755)],
  ['missing metadata', 'wrong-metadata', (root) => rmSync(entryFiles(root, hello).metadata)],
  [
    'metadata that lies',
    'wrong-metadata',
    (root) => {
      const { metadata } = entryFiles(root, hello);
      const right = JSON.parse(readFileSync(metadata, 'utf8'));
      writeFileSync(metadata, JSON.stringify({ ...right, blake3: '0'.repeat(64) }));
    },
  ],
  [
    'metadata without an entry',
    'orphan',
    (root) => copyFileSync(entryFiles(root, hello).metadata, entryFiles(root, testComponent(50)).metadata),
  ],
  [
    'an old temporary file',
    'leftover',
    (root) => {
      const path = join(entryFiles(root, hello).tmp, 'a.tmp');
      writeFileSync(path, '');
      utimesSync(path, 0, 0);
    },
  ],
  [
    'a profile that does not say what it is',
    'unknown-profile',
    (root) => writeFileSync(entryFiles(root, hello).description, '{}'),
  ],
  [
    'another profile that does not say what it is',
    'unknown-profile',
    (root) => mkdirSync(join(root, 'v1', 'a'.repeat(64), 'artifacts'), { recursive: true, mode: 0o700 }),
  ],
];

describe.skipIf(process.platform === 'win32')('doctor', () => {
  it('finds nothing wrong with a good cache, and with none', async () => {
    const root = await filled();
    const report = await testCache(root).manager.doctor();
    expect(report).toMatchObject({ findings: [], healthy: true, entries: 3, usable: 3, profiles: 1 });
    expect(report.freeBytes).toBeGreaterThan(0);
    const none = await testCache(join(root, 'missing')).manager.doctor();
    expect(none).toMatchObject({ findings: [], healthy: true, entries: 0 });
  });

  it.each(harms)('finds %s (%s), says what would mend it, and mends it', async (_, problem, harm) => {
    const root = await filled();
    harm(root);
    const found = await testCache(root).manager.doctor();
    expect(found.findings.map((finding) => finding.problem)).toContain(problem);
    expect(found.healthy).toBe(false);
    for (const { path, message, remedy, fixed } of found.findings) {
      expect(path.startsWith(root)).toBe(true);
      expect([message, remedy].every((text) => text.length > 5)).toBe(true);
      expect(fixed).toBe(false);
    }
    const mended = await testCache(root).manager.doctor({ fix: true });
    expect(mended.findings.map((finding) => finding.problem)).toEqual(found.findings.map(({ problem }) => problem));
    expect(mended.healthy).toBe(true);
    expect((await testCache(root).manager.doctor()).findings).toEqual([]);
    const cache = testCache(root);
    for (const component of [hello, other, third]) {
      expect(answersOf(await cache.get(component))).toEqual(expectedAnswers(component));
    }
    expect(cache.builds()).toBeLessThanOrEqual(1);
    expect(cache.manager.metrics().damaged).toBe(0);
  });

  it('keeps what metadata alone knows when it mends it', async () => {
    const root = await filled();
    const { metadata } = entryFiles(root, hello);
    const right = JSON.parse(readFileSync(metadata, 'utf8'));
    writeFileSync(metadata, JSON.stringify({ ...right, hits: 41, bytes: 1 }));
    await testCache(root).manager.doctor({ fix: true });
    expect(JSON.parse(readFileSync(metadata, 'utf8'))).toEqual({ ...right, hits: 41 });
  });

  it('names files that are not the cache’s, and leaves them', async () => {
    const root = await filled();
    const foreign = [join(root, 'v1', 'notes.txt'), join(entryFiles(root, hello).artifacts, 'README')];
    for (const path of foreign) writeFileSync(path, '');
    const { findings, healthy } = await testCache(root).manager.doctor({ fix: true });
    expect(findings.map(({ path, problem }) => [path, problem])).toEqual(foreign.map((path) => [path, 'foreign']));
    expect(healthy).toBe(false);
    expect(foreign.every(existsSync)).toBe(true);
  });

  it('does not follow a link where the cache should be, nor mend what is behind it', async () => {
    const root = await filled();
    const linked = temporaryFolder();
    symlinkSync(join(root, 'v1'), join(linked, 'v1'));
    truncateSync(entryFiles(root, hello).artifact, 1);
    const { findings, entries } = await testCache(linked).manager.doctor({ fix: true });
    expect(findings.map(({ problem }) => problem)).toEqual(['unsafe-folder']);
    expect(entries).toBe(0);
    expect(existsSync(entryFiles(root, hello).artifact)).toBe(true);
  });

  it('deletes nothing for want of the keys that could prove it', async () => {
    const root = await filled();
    const trust = {
      seal: () => Promise.reject(systemError('EACCES')),
      check: () => Promise.reject(systemError('EACCES')),
    };
    const { findings, healthy } = await testCache(root, { trust }).manager.doctor({ fix: true });
    expect(findings.map(({ problem, fixed }) => [problem, fixed])).toEqual(Array(3).fill(['unreadable', false]));
    expect(healthy).toBe(false);
    const cache = testCache(root);
    await cache.get(hello);
    expect(cache.builds()).toBe(0);
  });

  it('checks the entries of other profiles too', async () => {
    const root = await filled();
    const newer = profilesLike({ ...testProfile, jcoVersion: '0.16.0' });
    const { findings, entries } = await testCache(root, { profiles: newer }).manager.doctor();
    expect({ findings, entries }).toEqual({ findings: [], entries: 3 });
    const elsewhere = await testCache(root, { trust: new HmacTrust('another machine') }).manager.doctor();
    expect(elsewhere.findings.map(({ problem }) => problem)).toEqual(Array(3).fill('untrusted'));
  });

  it('tells how far it is', async () => {
    const root = await filled();
    const seen: [number, number][] = [];
    await testCache(root).manager.doctor({ onProgress: (done, total) => seen.push([done, total]) });
    expect(seen).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });
});
