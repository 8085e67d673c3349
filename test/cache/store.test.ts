import { describe, expect, it } from 'vitest';
import type { ArtifactKey, StoredArtifact } from '#core/ports/artifact';
import { answersOf, expectedAnswers, testComponent } from '../../tools/cache/components.ts';
import { HmacTrust } from '../../tools/cache/hmac-trust.ts';
import { profilesLike, testProfile } from '../../tools/cache/profile.ts';
import { temporaryFolder, testCache } from './support/cache.ts';

const hello = testComponent(7);
const other = testComponent(8);

/** This machine's seal, and a key that several machines trust. */
class SignedTrust extends HmacTrust {
  readonly #shared = new HmacTrust('a key that both trust');

  sign(content: Uint8Array): Promise<Uint8Array> {
    return this.#shared.seal(content);
  }

  override async check(content: Uint8Array, seal: Uint8Array): Promise<boolean> {
    return (await super.check(content, seal)) || this.#shared.check(content, seal);
  }
}

async function listed(store: { list(): AsyncIterable<ArtifactKey> }): Promise<string[]> {
  const digests: string[] = [];
  for await (const { wasmDigest } of store.list()) digests.push(wasmDigest);
  return digests.toSorted();
}

describe('the artifact store', () => {
  it('carries artifacts to another machine that trusts who signed them', async () => {
    const here = new SignedTrust('build machine');
    const source = testCache(temporaryFolder(), { trust: here });
    await source.get(hello);
    await source.get(other);
    const target = testCache(temporaryFolder(), { trust: new SignedTrust('another') });
    expect(await listed(source.manager.store)).toEqual([hello.digest, other.digest].toSorted());
    for await (const key of source.manager.store.list()) {
      const stored = (await source.manager.store.read(key)) as StoredArtifact;
      await target.manager.store.import({ ...stored, seal: await here.sign(stored.bytes) });
    }
    for (const component of [hello, other]) {
      expect(answersOf(await target.get(component))).toEqual(expectedAnswers(component));
    }
    expect(target.builds()).toBe(0);
    expect((await target.manager.doctor()).findings).toEqual([]);
  });

  it('gives the same bytes on every machine that builds the same', async () => {
    const contents = await Promise.all(
      ['one', 'two'].map(async (secret) => {
        const { manager, get } = testCache(temporaryFolder(), { trust: new HmacTrust(secret) });
        await get(hello);
        return (await manager.store.read(await manager.keyOf(hello.digest)))?.bytes;
      }),
    );
    expect(contents[0]).toEqual(contents[1]);
  });

  it('refuses what nobody trusted signed, another key’s artifact, and what is none', async () => {
    const source = testCache(temporaryFolder(), { trust: new HmacTrust('another machine') });
    await source.get(hello);
    const key = await source.manager.keyOf(hello.digest);
    const stored = (await source.manager.store.read(key)) as StoredArtifact;
    const { manager } = testCache(temporaryFolder());
    const { store } = manager;
    const sealed = { ...stored, seal: await new HmacTrust().seal(stored.bytes) };
    await expect(store.import(stored)).rejects.toMatchObject({ code: 'CACHE_UNTRUSTED' });
    await expect(store.import({ ...sealed, bytes: stored.bytes.subarray(1) })).rejects.toMatchObject({
      code: 'CACHE_INVALID_ARTIFACT',
    });
    const foreign = { ...key, wasmDigest: other.digest };
    await expect(store.import({ ...sealed, key: foreign })).rejects.toMatchObject({ code: 'CACHE_INVALID_ARTIFACT' });
    for (const wrong of [
      { ...key, wasmDigest: 'sha256:../x' },
      { ...key, engineProfileId: '1'.repeat(64) },
    ]) {
      await expect(store.import({ ...sealed, key: wrong })).rejects.toMatchObject({ code: 'CACHE_INVALID_KEY' });
    }
    expect(await listed(store)).toEqual([]);
    await store.import(sealed);
    expect(await listed(store)).toEqual([hello.digest]);
  });

  it('neither lists nor gives what another engine built, and says when there is nowhere to keep anything', async () => {
    const root = temporaryFolder();
    const { manager, get } = testCache(root);
    await get(hello);
    const stored = (await manager.store.read(await manager.keyOf(hello.digest))) as StoredArtifact;
    const newer = testCache(root, { profiles: profilesLike({ ...testProfile, jcoVersion: '0.16.0' }) });
    expect(await listed(newer.manager.store)).toEqual([]);
    const none = testCache('', { config: { root: false } });
    await expect(none.manager.store.import(stored)).rejects.toMatchObject({ code: 'CACHE_UNAVAILABLE' });
  });
});
