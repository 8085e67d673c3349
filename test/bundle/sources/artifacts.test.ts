import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ArtifactTrust } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import { createArtifactTrust, MachineSecret, signArtifact } from '#security/keys';
import { Signer, trustedKeysOf } from '#security/signers';
import { chunkPath } from '../../../src/bundle/chunks/chunk-path.ts';
import { loadLockfile } from '../../../src/bundle/lockfile/lockfile-file.ts';
import { rootOf } from '../../../src/bundle/lockfile/model.ts';
import { type PackReport, pack } from '../../../src/bundle/pack.ts';
import { ArtifactSource, type ArtifactSourceOptions } from '../../../src/bundle/sources/artifact-source.ts';
import { type ArtifactReport, ArtifactTarget } from '../../../src/bundle/sources/artifact-target.ts';
import { unpack } from '../../../src/bundle/unpack.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { answersOf, expectedAnswers, testComponent } from '../../../tools/cache/components.ts';
import { type TestCache, temporaryFolder, testCache } from '../../cache/support/cache.ts';

const [hello, other] = [testComponent(7), testComponent(8)];
const clock: Clock = TestClock.atOnce(30_000);
const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };
const signer = Signer.generate();
const trusted = trustedKeysOf([
  { keyId: signer.publicKey.keyId, name: 'builder', publicKey: signer.publicKey, addedAt: 0 },
]);
const sign = (content: Uint8Array) => signArtifact(content, [signer], clock);

function trustOf(keys = trusted): ArtifactTrust {
  return createArtifactTrust({ secret: new MachineSecret(temporaryFolder(), random), keys, clock });
}

async function builder(): Promise<TestCache> {
  const cache = testCache(temporaryFolder(), { trust: trustOf() });
  await cache.get(hello);
  await cache.get(other);
  return cache;
}

function packed(cache: TestCache, folder: string, options: Partial<ArtifactSourceOptions> = {}): Promise<PackReport> {
  return pack(new ArtifactSource({ store: cache.manager.store, producerVersion: '1', ...options }), folder, { clock });
}

async function restore(
  folder: string,
  cache: TestCache,
  rebuild?: (component: Uint8Array) => Promise<void>,
): Promise<ArtifactReport> {
  const { lockfile } = await loadLockfile(folder, 'vivarium');
  const target = new ArtifactTarget({ store: cache.manager.store, ...(rebuild && { rebuild }) });
  await unpack(lockfile, folder, target);
  return target.report;
}

const components = [hello, other].map(
  ({ bytes }) =>
    () =>
      Promise.resolve(bytes),
);

describe('the artifact cache as a bundle', () => {
  it('starts another machine warm, if it trusts the signer', async () => {
    const folder = temporaryFolder();
    const { lockfile } = await packed(await builder(), folder, { sign });
    expect(lockfile.meta.producer).toBe('vivarium');
    expect(lockfile.sources.map(({ kind }) => kind).toSorted()).toEqual([
      'vivarium-artifact',
      'vivarium-artifact',
      'vivarium-seal',
      'vivarium-seal',
    ]);
    const target = testCache(temporaryFolder(), { trust: trustOf() });
    expect(await restore(folder, target)).toMatchObject({ imported: 2, rebuilt: 0, untrusted: [] });
    for (const component of [hello, other]) {
      expect(answersOf(await target.get(component))).toEqual(expectedAnswers(component));
    }
    expect(target.builds()).toBe(0);
  });

  it('gives nothing to a machine that trusts nobody, which says so', async () => {
    const folder = temporaryFolder();
    await packed(await builder(), folder, { sign });
    const target = testCache(temporaryFolder(), { trust: trustOf(trustedKeysOf([])) });
    await expect(restore(folder, target)).rejects.toMatchObject({ code: 'BUNDLE_UNTRUSTED' });
    await target.get(hello);
    expect(target.builds()).toBe(1);
  });

  it('carries components, from which a machine without trust builds for itself', async () => {
    const folder = temporaryFolder();
    const { lockfile } = await packed(await builder(), folder, { components });
    expect(lockfile.topology).toHaveLength(2);
    expect(lockfile.topology[0]?.toSource).toMatch(/^components\/[0-9a-f]{64}\.wasm$/);
    const target = testCache(temporaryFolder(), { trust: trustOf() });
    const built: string[] = [];
    const rebuild = async (bytes: Uint8Array) => {
      built.push(Buffer.from(bytes).toString());
      await target.get(testComponent(Number(/\d+/.exec(Buffer.from(bytes).toString())?.[0])));
    };
    expect(await restore(folder, target, rebuild)).toMatchObject({ imported: 0, rebuilt: 2 });
    expect(built.toSorted()).toEqual(['component 7', 'component 8']);
  });

  it('comes back on the machine that built it without any signature', async () => {
    const cache = await builder();
    const folder = temporaryFolder();
    await packed(cache, folder);
    expect(await restore(folder, cache)).toMatchObject({ imported: 2 });
  });

  it('gives the same bytes twice, as signatures are used again', async () => {
    const cache = await builder();
    const folder = temporaryFolder();
    const trust = trustOf();
    const first = await packed(cache, folder, { sign, trust });
    let signed = 0;
    const countingSign = (content: Uint8Array) => {
      signed++;
      return sign(content);
    };
    const previous = { lockfile: first.lockfile, folder };
    const second = await packed(cache, folder, { sign: countingSign, trust, previous });
    expect(signed).toBe(0);
    expect(second.lockfile).toEqual(first.lockfile);
    // A key that is no longer trusted does not count: the artifacts are signed again.
    await packed(cache, folder, { sign: countingSign, trust: trustOf(trustedKeysOf([])), previous });
    expect(signed).toBe(2);
  });

  it('leaves artifacts of other engines alone', async () => {
    const folder = temporaryFolder();
    const report = await packed(await builder(), folder, { sign });
    const sources = report.lockfile.sources.map((entry) => ({
      ...entry,
      path: entry.path.replace(/\/[0-9a-f]{64}\//, `/${'1'.repeat(64)}/`),
    }));
    const lockfile = { ...report.lockfile, sources, root: await rootOf(sources) };
    const target = new ArtifactTarget({ store: testCache(temporaryFolder(), { trust: trustOf() }).manager.store });
    await unpack(lockfile, folder, target);
    expect(target.report).toMatchObject({ imported: 0, otherEngines: 2 });
  });

  it.each([
    ['an artifact of another component', (paths: string[]) => [paths[1], paths[0]]],
    ['a source that is neither', () => ['src/main.go', 'src/b.go']],
  ])('is refused with %s', async (_, swap) => {
    const folder = temporaryFolder();
    const { lockfile } = await packed(await builder(), folder, { sign });
    const artifacts = lockfile.sources.filter(({ kind }) => kind === 'vivarium-artifact');
    const paths = swap(artifacts.map(({ path }) => path));
    const sources = lockfile.sources.map((entry) => {
      const index = artifacts.indexOf(entry);
      return index === -1 ? entry : { ...entry, path: paths[index] as string };
    });
    const target = testCache(temporaryFolder(), { trust: trustOf() });
    const attempt = unpack({ ...lockfile, sources }, folder, new ArtifactTarget({ store: target.manager.store }));
    await expect(attempt).rejects.toMatchObject({
      code: expect.stringMatching(/BUNDLE_INVALID_CHUNK|CACHE_INVALID_ARTIFACT|BUNDLE_UNTRUSTED/),
    });
  });

  it('is refused with a component under another name', async () => {
    const folder = temporaryFolder();
    const { lockfile } = await packed(await builder(), folder, { components });
    const [first, second] = lockfile.sources.filter(({ kind }) => kind === 'wasm-component');
    const sources = lockfile.sources.map((entry) =>
      entry === first ? { ...entry, chunkHash: second?.chunkHash as string } : entry,
    );
    expect(readFileSync(chunkPath(folder, second?.chunkHash as string), 'utf8')).toBe('component 8');
    const target = testCache(temporaryFolder(), { trust: trustOf() });
    const attempt = unpack({ ...lockfile, sources }, folder, new ArtifactTarget({ store: target.manager.store }));
    await expect(attempt).rejects.toMatchObject({ code: 'BUNDLE_INVALID_CHUNK' });
  });
});
