import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { blake3 } from '../../../src/bundle/blake3.ts';
import { chunkPath } from '../../../src/bundle/chunks/chunk-path.ts';
import { loadLockfile } from '../../../src/bundle/lockfile/lockfile-file.ts';
import { pushRemote } from '../../../src/bundle/oci/push.ts';
import { RegistryClient } from '../../../src/bundle/oci/registry-client.ts';
import { repositoryOf } from '../../../src/bundle/oci/repository.ts';
import { verify } from '../../../src/bundle/verify.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { publishVectors, startBuildCacheProvider } from '../../support/build-cache-provider.ts';
import { bundleFixture, middle, REPOSITORY, SCOPE } from '../../support/bundle-fixture.ts';
import { fail, OciRegistry } from '../../support/oci-registry.ts';

const three = { 'a.go': 'package a', 'b.go': 'package b', 'sub/c.go': '' };

describe('push and pull through a registry', () => {
  it.each(['sha256', 'build-cache/v1'] as const)(
    'carries a bundle byte for byte in the mode %s',
    async (digestMode) => {
      await using registry = digestMode === 'sha256' ? await OciRegistry.start() : await startBuildCacheProvider();
      using fixture = bundleFixture(registry);
      fixture.sources(three);
      const pushed = await fixture.push({ digestMode });
      expect(pushed.remote).toMatchObject({ unchanged: false, chunks: 3, sent: 4, mounted: 0 });
      const pulled = await fixture.pull('pulled');
      expect(pulled.fetched).toMatchObject({ digestMode, chunks: 3, fetched: 3, digest: pushed.remote?.digest });
      for (const file of ['mache.lock.bin', 'mache.lock.toml']) {
        expect(readFileSync(fixture.at('pulled', file))).toEqual(readFileSync(fixture.at('packed', file)));
      }
      for (const { chunkHash } of pulled.lockfile.sources) {
        const read = (folder: string) => readFileSync(chunkPath(fixture.at(folder), chunkHash));
        expect(read('pulled')).toEqual(read('packed'));
      }
      expect(readdirSync(fixture.at()).filter((name) => name.endsWith('.partial'))).toEqual([]);
    },
  );

  it('asks for every blob again at a second push, and sends nothing', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push();
    registry.seen.length = 0;
    expect((await fixture.push()).remote).toMatchObject({ unchanged: true, sent: 0 });
    expect(registry.seen.map(({ method }) => method).toSorted()).toEqual(['GET', 'HEAD', 'HEAD', 'HEAD', 'HEAD']);
  });

  it('sends one chunk, config and manifest when one source changed', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push();
    registry.seen.length = 0;
    fixture.sources({ ...three, 'b.go': 'package changed' });
    expect((await fixture.push()).remote).toMatchObject({ unchanged: false, sent: 2 });
    expect(registry.count('PUT', '/blobs/')).toBe(2);
    expect(registry.seen.filter(({ method }) => method === 'PUT').at(-1)?.path).toBe(
      `/v2/${REPOSITORY}/manifests/latest`,
    );
  });

  it('keeps the time of a lockfile that only the registry has', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push();
    rmSync(fixture.at('packed'), { recursive: true });
    fixture.clock.advance(60_000);
    expect((await fixture.push()).remote?.unchanged).toBe(true);
  });

  it('sends a chunk that several sources share once', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources({ a: 'same', b: 'same', c: 'same' });
    expect((await fixture.push()).remote).toMatchObject({ chunks: 1, sent: 2 });
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ chunks: 1, fetched: 1 });
  });

  it('says in a dry run what would be sent, and writes and sends nothing', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const report = await fixture.push({}, { dryRun: true });
    expect(report).toMatchObject({ dryRun: true, packed: { chunksAdded: 3 }, remote: { sent: 4, dryRun: true } });
    expect(new Set(registry.seen.map(({ method }) => method))).toEqual(new Set(['GET', 'HEAD']));
    expect(() => readdirSync(fixture.at('packed'))).toThrow(/ENOENT/);
  });

  it('sends a large blob in pieces, and goes on where a piece was lost', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const large = Buffer.alloc(33 * 2 ** 20, 'large');
    fixture.sources({ large });
    let patches = 0;
    registry.faults.push((request, response) => {
      if (request.method !== 'PATCH' || ++patches !== 2) return false;
      response.destroy();
      return true;
    });
    await fixture.push();
    expect(registry.count('PATCH', '')).toBe(4);
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ bytesFetched: large.length });
  });

  it('mounts what another repository has, where that is offered', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push();
    const other = { scope: 'repo/next', mountFrom: [REPOSITORY] };
    expect((await fixture.push(other)).remote).toMatchObject({ mounted: 4, sent: 0 });
    registry.offersMount = false;
    expect((await fixture.push({ ...other, scope: 'repo/third' })).remote).toMatchObject({ mounted: 0, sent: 4 });
  });

  it('goes on by Range when the connection breaks in a blob', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const large = Buffer.alloc(6 * 2 ** 20, 'range');
    fixture.sources({ large });
    await fixture.push();
    for (const offered of [true, false]) {
      registry.offersRange = offered;
      registry.seen.length = 0;
      let cut = false;
      registry.faults.push((request, response, { range }) => {
        if (cut || !request.url?.includes('/blobs/') || range !== undefined || request.method !== 'GET') return false;
        if (request.url.includes(configDigest(registry))) return false;
        cut = true;
        response.writeHead(200, { 'content-length': String(large.length) });
        response.write(large.subarray(0, 2 ** 20), () => setTimeout(() => response.destroy(), 20));
        return true;
      });
      const pulled = await fixture.pull(`pulled-${offered}`);
      expect(pulled.fetched?.bytesFetched).toBe(large.length);
      expect(registry.seen.some(({ range }) => /^bytes=[1-9]\d*-/.test(range ?? ''))).toBe(true);
    }
  });

  it('does not fetch again what a broken pull has fetched', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, `content ${index}`])));
    const { lockfile } = (await fixture.push()).packed;
    const last = lockfile.sources.at(-1)?.chunkHash as string;
    const wire = await registry.hash(readFileSync(chunkPath(fixture.at('packed'), last)));
    const blob = registry.blobs.get(`${REPOSITORY}@${wire}`) as Buffer;
    registry.blobs.delete(`${REPOSITORY}@${wire}`);
    await expect(fixture.pull('pulled')).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_MISSING' });
    expect(readdirSync(fixture.at()).includes('pulled')).toBe(false);
    registry.blobs.set(`${REPOSITORY}@${wire}`, blob);
    expect((await fixture.pull('pulled')).fetched?.fetched).toBeLessThan(10);
    expect(readdirSync(fixture.at()).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('takes a newer bundle into a folder that has an older one', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push();
    await fixture.pull('pulled');
    fixture.sources({ ...three, 'b.go': 'package changed' });
    await fixture.push();
    expect((await fixture.pull('pulled')).fetched?.fetched).toBe(1);
    const { lockfile } = await loadLockfile(fixture.at('pulled'), 'mache');
    expect(lockfile).toEqual((await loadLockfile(fixture.at('packed'), 'mache')).lockfile);
  });

  it('refuses a manifest beyond what registries take, before anything is sent', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await expect(fixture.push({ maxManifestBytes: 500 })).rejects.toMatchObject({ code: 'BUNDLE_TOO_LARGE' });
    expect(new Set(registry.seen.map(({ method }) => method))).toEqual(new Set(['GET']));
  });
});

describe('a provider of build-cache/v1', () => {
  it('serves the published vectors, which are pulled unchanged', async () => {
    await using provider = await startBuildCacheProvider();
    await publishVectors(provider, REPOSITORY, 'latest');
    using fixture = bundleFixture(provider);
    const { fetched } = await fixture.pull('pulled');
    const digests = JSON.parse(readFileSync('test/fixtures/build-cache-v1/digests.json', 'utf8'));
    expect(fetched).toMatchObject({ digestMode: 'build-cache/v1', digest: `sha256:${digests.manifest.blake3_hex}` });
    expect(readFileSync(fixture.at('pulled', 'mache.lock.bin'))).toEqual(
      readFileSync('test/fixtures/build-cache-v1/lockfile-config.bin'),
    );
    const remote = { url: provider.url, scope: SCOPE, reference: fetched?.digest as string, full: true };
    expect(await verify({ remote, clock: TestClock.atOnce(30_000), random: middle })).toMatchObject({ checked: 2 });
  });

  it('gets the published manifest byte for byte from what was pulled', async () => {
    await using provider = await startBuildCacheProvider();
    await publishVectors(provider, REPOSITORY, 'latest');
    using fixture = bundleFixture(provider);
    await fixture.pull('pulled');
    const { lockfile } = await loadLockfile(fixture.at('pulled'), 'mache');
    const client = new RegistryClient({
      repository: repositoryOf(provider.url, 'mache', 'again'),
      clock: fixture.clock,
      random: middle,
    });
    const encoded = readFileSync(fixture.at('pulled', 'mache.lock.bin'));
    const bundle = { lockfile, folder: fixture.at('pulled'), encoded };
    await pushRemote(bundle, client, { tag: 'latest', digestMode: 'build-cache/v1' });
    await client.close();
    expect(provider.manifests.get('mache/again:latest')).toEqual(
      readFileSync('test/fixtures/build-cache-v1/manifest.json'),
    );
  });

  it.each([
    ['a digest of the other mode', 'BUNDLE_DIGEST_MISMATCH', () => undefined, { digestMode: 'sha256' as const }],
    [
      'a tag that another push holds',
      'BUNDLE_TAG_MOVED',
      (provider: OciRegistry) => void provider.heldTags.add('latest'),
      {},
    ],
  ])('refuses %s', async (_, code, prepare, change) => {
    await using provider = await startBuildCacheProvider();
    prepare(provider);
    using fixture = bundleFixture(provider);
    fixture.sources(three);
    await expect(fixture.push({ digestMode: 'build-cache/v1', ...change })).rejects.toMatchObject({ code });
    expect(fixture.clock.waits).toEqual([]);
  });

  it('refuses a blob above its limit', async () => {
    await using provider = await startBuildCacheProvider({ maxBlobBytes: 1000 });
    using fixture = bundleFixture(provider);
    fixture.sources({ large: 'x'.repeat(2000) });
    await expect(fixture.push({ digestMode: 'build-cache/v1' })).rejects.toMatchObject({ code: 'BUNDLE_TOO_LARGE' });
  });

  it.each(['MANIFEST_MEDIATYPE_REFUSED', 'MANIFEST_CONFIG_MISSING', 'MANIFEST_LAYER_MISSING', 'SOMETHING_NEW'])(
    'ends at once with the code %s',
    async (code) => {
      await using provider = await startBuildCacheProvider();
      provider.faults.push((request, response) => {
        if (request.method !== 'PUT' || !request.url?.includes('/manifests/')) return false;
        fail(response, 400, code);
        return true;
      });
      using fixture = bundleFixture(provider);
      fixture.sources(three);
      await expect(fixture.push({ digestMode: 'build-cache/v1' })).rejects.toMatchObject({
        code: 'BUNDLE_REGISTRY_REFUSED',
        details: { registryCode: code },
      });
      expect(provider.count('PUT', '/manifests/')).toBe(1);
    },
  );
});

describe('damage on the way out', () => {
  it('a missing or wrong chunk ends a push before anything is sent', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const { lockfile } = (await fixture.push({}, {})).packed;
    const repository = repositoryOf(registry.url, 'mache', 'other');
    const client = new RegistryClient({ repository, clock: fixture.clock, random: middle });
    registry.seen.length = 0;
    const encoded = readFileSync(fixture.at('packed', 'mache.lock.bin'));
    const send = () => pushRemote({ lockfile, folder: fixture.at('packed'), encoded }, client, { tag: 'latest' });
    const chunk = chunkPath(fixture.at('packed'), await blake3(Buffer.from('package b')));
    writeFileSync(chunk, 'package x');
    await expect(send()).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_CORRUPT' });
    rmSync(chunk);
    await expect(send()).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_MISSING' });
    expect(registry.seen).toEqual([]);
    await client.close();
  });
});

function configDigest(registry: OciRegistry): string {
  const manifest = registry.manifests.get(`${REPOSITORY}:latest`) as Buffer;
  return JSON.parse(manifest.toString()).config.digest;
}
