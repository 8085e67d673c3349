import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blake3 } from '../../../src/bundle/blake3.ts';
import { decodePack, encodePack, planPacks } from '../../../src/bundle/oci/chunk-pack.ts';
import { verify } from '../../../src/bundle/verify.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { bundleFixture, middle, REPOSITORY, SCOPE } from '../../support/bundle-fixture.ts';
import { OciRegistry } from '../../support/oci-registry.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const clock = TestClock.atOnce(30_000);

describe('packs of chunks', () => {
  it('give back what was put into them, and nothing for anything else', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 }),
        fc.nat(),
        async (contents, cut) => {
          const chunks: { hash: string; content: Uint8Array }[] = [];
          for (const content of contents) chunks.push({ hash: await blake3(content), content });
          const pack = encodePack(chunks);
          const read = [...decodePack(pack, digest)].map(({ hash, content }) => ({
            hash,
            content: new Uint8Array(content),
          }));
          expect(read).toEqual(chunks);
          const mismatch = { code: 'BUNDLE_DIGEST_MISMATCH' };
          for (const other of [pack.subarray(0, cut % pack.length), Buffer.concat([pack, Buffer.from([0])])]) {
            expect(() => [...decodePack(other, digest)]).toThrow(expect.objectContaining(mismatch));
          }
        },
      ),
    );
    const lie = encodePack([]);
    lie.writeUInt32BE(2 ** 32 - 1, 8);
    expect(() => [...decodePack(lie, digest)]).toThrow(/ends too early/);
  });

  it('change by one or two where one chunk changed', async () => {
    const hashes = await Promise.all(Array.from({ length: 5_000 }, (_, index) => blake3(Buffer.from(`${index}`))));
    const plan = (list: readonly string[]) =>
      planPacks(list.map((hash) => ({ hash, bytes: 100 }))).map((pack) => pack.map(({ hash }) => hash).join());
    const before = new Set(plan(hashes));
    expect(before.size).toBeGreaterThan(8);
    for (const at of [0, 1_234, 4_999]) {
      const changed = hashes.with(at, await blake3(Buffer.from('changed')));
      const inserted = hashes.toSpliced(at, 0, await blake3(Buffer.from('new')));
      for (const list of [changed, inserted]) {
        expect(plan(list).filter((pack) => !before.has(pack)).length).toBeLessThanOrEqual(2);
      }
    }
  });
});

describe('a bundle of more sources than a manifest has room for', () => {
  const many = Object.fromEntries([
    ...Array.from({ length: 600 }, (_, index) => [`p/${index}.go`, `package p${index % 500}`]),
    ['large.go', Buffer.alloc(300_000, 'large')],
  ]);
  const room = { maxManifestBytes: 20_000 };

  it('goes in packs, is verified and comes back byte for byte', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(many);
    const { remote } = await fixture.push(room);
    expect(remote).toMatchObject({ chunks: 501, unchanged: false });
    expect(remote?.sent).toBeLessThan(20);
    expect((await fixture.push(room)).remote).toMatchObject({ sent: 0, unchanged: true });
    const { fetched, lockfile } = await fixture.pull('pulled');
    expect(fetched).toMatchObject({ chunks: 501, fetched: 501 });
    expect(readFileSync(fixture.at('pulled', 'mache.lock.bin'))).toEqual(
      readFileSync(fixture.at('packed', 'mache.lock.bin')),
    );
    expect(lockfile.sources).toHaveLength(601);
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 0 });
    for (const full of [false, true]) {
      const place = { url: registry.url, scope: SCOPE, reference: 'latest', full };
      expect(await verify({ remote: place, clock, random: middle })).toMatchObject({ producer: 'mache' });
    }
    fixture.sources({ ...many, 'p/77.go': 'changed' });
    // The lockfile, and the packs around the change.
    expect((await fixture.push(room)).remote?.sent).toBeLessThanOrEqual(3);
  });

  it('is healed and refused like any other', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(many);
    await fixture.push(room);
    const largest = [...registry.blobs].filter(([, bytes]) => bytes.subarray(0, 8).toString() === 'VIVPACK1')[0];
    const [key, bytes] = largest as [string, Buffer];
    registry.blobs.delete(key);
    await expect(fixture.pull('pulled')).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_MISSING' });
    expect((await fixture.push(room)).remote).toMatchObject({ sent: 1 });
    const damaged = Buffer.from(bytes);
    damaged.write('X', damaged.length - 1);
    registry.blobs.set(key, damaged);
    await expect(fixture.pull('other')).rejects.toMatchObject({ code: 'BUNDLE_DIGEST_MISMATCH' });
  });

  it('is refused in the mode of the convention, which knows no packs', async () => {
    await using registry = await OciRegistry.start({ hash: blake3 });
    using fixture = bundleFixture(registry);
    fixture.sources(many);
    const pushed = fixture.push({ ...room, digestMode: 'build-cache/v1' });
    await expect(pushed).rejects.toMatchObject({ code: 'BUNDLE_TOO_LARGE' });
    expect(registry.blobs.size).toBe(0);
  });
});

describe('titles', () => {
  const titlesIn = (registry: OciRegistry) =>
    JSON.parse((registry.manifests.get(`${REPOSITORY}:latest`) as Buffer).toString()).layers.map(
      ({ annotations }: { annotations: Record<string, string> }) => annotations['org.opencontainers.image.title'],
    );

  it('are the sources’ paths, where the manifest has room for them', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources({ 'a.go': 'a', 'sub/b.go': 'b' });
    await fixture.push();
    expect(titlesIn(registry)).toEqual(['a.go', 'sub/b.go']);
    const room = (registry.manifests.get(`${REPOSITORY}:latest`) as Buffer).length - 1;
    await fixture.push({ maxManifestBytes: room });
    expect(titlesIn(registry)).toEqual([undefined, undefined]);
  });
});
