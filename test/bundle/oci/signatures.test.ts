import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Signer, type TrustedKey, trustedKeysOf } from '#security/signers';
import { inspect } from '../../../src/bundle/inspect.ts';
import { startBuildCacheProvider } from '../../support/build-cache-provider.ts';
import { type BundleFixture, bundleFixture, REPOSITORY } from '../../support/bundle-fixture.ts';
import { OciRegistry } from '../../support/oci-registry.ts';

const three = { 'a.go': 'package a', 'b.go': 'package b', 'c.go': 'package c' };
const [ours, theirs] = [Signer.generate(), Signer.generate()];
const keyOf = ({ keyId, publicKey }: Signer, change: Partial<TrustedKey> = {}): TrustedKey => {
  return { keyId, publicKey, name: 'ours', addedAt: 0, ...change };
};
const trust = trustedKeysOf([keyOf(ours)]);
const SIGNATURE = 'application/vnd.vivarium.build-cache.signature.v1';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Both ways by which registries keep what refers to a manifest. */
const KINDS = [
  ['with the referrers API', { referrersPerPage: 2 }],
  ['without it', {}],
] as const;

const fallbackTag = (digest: string) => `${REPOSITORY}:${digest.replace(':', '-')}`;

/** What the registry lists as referring to a manifest, by either way. */
function listed(registry: OciRegistry, subject: string): readonly { digest: string }[] {
  const index = registry.manifests.get(fallbackTag(subject));
  const entries =
    index === undefined ? registry.referrers.get(`${REPOSITORY}@${subject}`) : JSON.parse(`${index}`).manifests;
  return entries ?? [];
}

/** Lists `entries` as what refers to `subject`, in place of what is there. */
function list(registry: OciRegistry, subject: string, entries: readonly object[]): void {
  registry.referrers.set(`${REPOSITORY}@${subject}`, entries);
  registry.manifests.set(fallbackTag(subject), Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: entries })));
}

async function put(registry: OciRegistry, bytes: Buffer) {
  const digest = await registry.hash(bytes);
  registry.blobs.set(`${REPOSITORY}@${digest}`, bytes);
  return { digest, size: bytes.length };
}

/** A manifest that holds an envelope and says what it refers to; answers how it is listed. */
async function referrer(registry: OciRegistry, subject: string, envelope: string | Buffer) {
  const layer = { mediaType: 'application/vnd.dsse.envelope.v1+json', ...(await put(registry, Buffer.from(envelope))) };
  const config = { mediaType: 'application/vnd.oci.empty.v1+json', ...(await put(registry, Buffer.from('{}'))) };
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: SIGNATURE,
    config,
    layers: [layer],
    subject: { mediaType: MANIFEST, digest: subject, size: 1 },
  };
  const { digest, size } = await put(registry, Buffer.from(JSON.stringify(manifest)));
  registry.manifests.set(`${REPOSITORY}:${digest}`, Buffer.from(JSON.stringify(manifest)));
  return { mediaType: MANIFEST, digest, size, artifactType: SIGNATURE };
}

async function signedPush(fixture: BundleFixture, sign: Signer, sources: Record<string, string> = three) {
  fixture.sources(sources);
  const { remote } = await fixture.push({}, { sign });
  const envelope = readFileSync(fixture.at('packed', 'mache.lock.bin.sig.json'), 'utf8');
  return { digest: remote?.digest as string, envelope };
}

async function refusal(fixture: BundleFixture, keys = trust): Promise<string> {
  const pulled = fixture.pull('pulled', {}, { trust: keys });
  await expect(pulled).rejects.toMatchObject({ code: 'BUNDLE_UNTRUSTED' });
  expect(readdirSync(fixture.at())).not.toContain('pulled');
  return pulled.then(
    () => '',
    ({ message }) => message,
  );
}

describe.each(KINDS)('a bundle in a registry %s', (_, options) => {
  it('is signed once, pulled by who trusts the key, and keeps its signature in the folder', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    expect((await fixture.push({}, { sign: ours, dryRun: true })).remote).toMatchObject({ signed: true });
    expect(registry.manifests.size).toBe(0);
    expect((await fixture.push({}, { sign: ours })).remote).toMatchObject({ signed: true, unchanged: false });
    const { remote } = await fixture.push({}, { sign: ours });
    expect(remote).toMatchObject({ signed: false, unchanged: true });
    expect(listed(registry, remote?.digest as string)).toHaveLength(1);

    const { signers } = await fixture.pull('pulled', {}, { trust });
    expect(signers?.map(({ keyId }) => keyId)).toEqual([ours.keyId]);
    const [inspection] = await inspect(fixture.at('pulled'), 'mache', { keys: trust, now: 1 });
    expect(inspection?.signature).toMatchObject({ signers: [{ keyId: ours.keyId }] });
  });

  it('may be signed later, and by several', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const { remote } = await fixture.push();
    expect(await refusal(fixture)).toMatch(/has no signature/);
    for (const sign of [theirs, Signer.generate(), ours]) {
      expect((await fixture.push({}, { sign })).remote).toMatchObject({ signed: true, unchanged: true });
    }
    expect(listed(registry, remote?.digest as string)).toHaveLength(3);
    expect((await fixture.pull('pulled', {}, { trust })).signers).toHaveLength(1);
  });

  it('is never under its tag without its signature', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    registry.faults.push(({ method, url }, response) => {
      if (method !== 'PUT' || !url?.endsWith('/manifests/latest')) return false;
      response.writeHead(400).end();
      return true;
    });
    fixture.sources(three);
    await expect(fixture.push({}, { sign: ours })).rejects.toMatchObject({ code: 'BUNDLE_REGISTRY_REFUSED' });
    expect([...registry.manifests.values()].filter((bytes) => bytes.includes(SIGNATURE))).not.toHaveLength(0);
  });

  it('is refused where the key that signed is revoked, expired or not trusted', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    await signedPush(fixture, ours);
    expect(await refusal(fixture, trustedKeysOf([keyOf(ours, { revokedAt: 1 })]))).toMatch(/ours: revoked/);
    expect(await refusal(fixture, trustedKeysOf([keyOf(ours, { validUntil: 1 })]))).toMatch(/ours: expired/);
    expect(await refusal(fixture, trustedKeysOf([keyOf(theirs)]))).toMatch(/unknown/);
  });

  it('is refused with the signature of another bundle', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    const other = await signedPush(fixture, ours, { 'a.go': 'what was signed' });
    fixture.sources(three);
    const digest = (await fixture.push()).remote?.digest as string;
    // Listed as it is, it refers to the other bundle; copied, its envelope is over another lockfile.
    list(registry, digest, listed(registry, other.digest));
    expect(await refusal(fixture)).toMatch(/refers to another manifest/);
    list(registry, digest, [await referrer(registry, digest, other.envelope)]);
    expect(await refusal(fixture)).toMatch(/over sha256:[0-9a-f]{64}, not over/);
  });

  it('is found signed, or not, whatever others put beside its signature', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    const other = await signedPush(fixture, ours, { 'a.go': 'other' });
    const stranger = await signedPush(fixture, theirs);
    const { digest, envelope } = await signedPush(fixture, ours);
    const [right] = listed(registry, digest).slice(-1);
    const { payload, payloadType } = JSON.parse(envelope);
    const foreign = { payloadType, payload, signatures: [{ keyid: 'x509', sig: 'AAAA' }, { sig: 'AAAA' }] };
    const unlisted = { mediaType: MANIFEST, size: 9, artifactType: SIGNATURE };
    const junk = [
      await referrer(registry, digest, other.envelope),
      await referrer(registry, other.digest, envelope),
      await referrer(registry, digest, stranger.envelope.replaceAll(ours.keyId, theirs.keyId)),
      await referrer(registry, digest, JSON.stringify(foreign)),
      await referrer(registry, digest, 'no JSON'),
      await referrer(registry, digest, Buffer.alloc(300 * 2 ** 10, ' ')),
      { ...unlisted, digest: await registry.hash(Buffer.from('not there')) },
      { ...unlisted, digest },
      { ...unlisted, digest, artifactType: 'application/another' },
    ];
    const names = junk.map((_, index) => index);
    const choice = fc.record({ before: fc.subarray(names), after: fc.subarray(names), signed: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(choice, async ({ before, after, signed }) => {
        const entries = (chosen: readonly number[]) => chosen.map((index) => junk[index] as object);
        list(registry, digest, [...entries(before), ...(signed ? [right as object] : []), ...entries(after)]);
        const outcome = await fixture.pull('pulled', {}, { trust }).then(
          () => 'signed',
          ({ code }) => code,
        );
        expect(outcome).toBe(signed ? 'signed' : 'BUNDLE_UNTRUSTED');
      }),
      { numRuns: 20 },
    );
  });

  it('costs a bounded number of requests, however much refers to it', async () => {
    await using registry = await OciRegistry.start(options);
    using fixture = bundleFixture(registry);
    const { digest, envelope } = await signedPush(fixture, theirs);
    const entry = await referrer(registry, digest, envelope);
    list(
      registry,
      digest,
      Array.from({ length: 10_000 }, () => entry),
    );
    registry.seen.length = 0;
    expect(await refusal(fixture)).toMatch(/only the first \d+ of what refers to it were checked/);
    expect(registry.seen.length).toBeLessThan(200);
  });
});

describe('lists of referrers', () => {
  it('that are longer than a manifest may be, or none, end the pull', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const { digest } = await signedPush(fixture, ours);
    for (const bytes of [Buffer.alloc(5 * 2 ** 20, ' '), Buffer.from('{"manifests":{}}'), Buffer.from('[[[[')]) {
      registry.manifests.set(fallbackTag(digest), bytes);
      const pulled = fixture.pull('pulled', {}, { trust });
      await expect(pulled).rejects.toMatchObject({ code: /^BUNDLE_(TOO_LARGE|INVALID_MANIFEST)$/ });
    }
  });

  it('keep what others put there, also those who do so at the same time', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const digest = (await fixture.push()).remote?.digest as string;
    const entry = { ...(await referrer(registry, digest, '{}')), annotations: { of: 'others' } };
    let replaced = false;
    registry.faults.push(({ method, url }) => {
      if (method !== 'GET' || replaced || !registry.manifests.has(fallbackTag(digest)) || !url?.includes('sha256-'))
        return false;
      // Another pusher, who had read the list before us, writes it after us.
      replaced = true;
      list(registry, digest, [entry]);
      return false;
    });
    expect((await fixture.push({}, { sign: ours })).remote).toMatchObject({ signed: true });
    expect(replaced).toBe(true);
    expect(listed(registry, digest)).toEqual([entry, expect.objectContaining({ artifactType: SIGNATURE })]);
    expect((await fixture.pull('pulled', {}, { trust })).signers).toHaveLength(1);
  });

  it('cannot be had of a provider that takes bundles only: nothing shows under the tag', async () => {
    await using provider = await startBuildCacheProvider();
    using fixture = bundleFixture(provider);
    fixture.sources(three);
    const pushed = fixture.push({ digestMode: 'build-cache/v1' }, { sign: ours });
    await expect(pushed).rejects.toMatchObject({ code: 'BUNDLE_REGISTRY_REFUSED' });
    expect(provider.manifests.has(`${REPOSITORY}:latest`)).toBe(false);
  });
});

describe('a signature in a folder', () => {
  it('goes with the lockfile that it is over, and counts for no other', async () => {
    await using registry = await OciRegistry.start();
    using fixture = bundleFixture(registry);
    const { envelope } = await signedPush(fixture, ours);
    const file = fixture.at('packed', 'mache.lock.bin.sig.json');
    const judged = async () => (await inspect(fixture.at('packed'), 'mache', { keys: trust, now: 1 }))[0]?.signature;
    expect(await judged()).toHaveProperty('signers');
    fixture.sources({ ...three, 'd.go': 'package d' });
    await fixture.push();
    expect(await judged()).toBeUndefined();
    writeFileSync(file, envelope);
    expect(await judged()).toMatchObject({ refused: expect.stringMatching(/over sha256:/) });
    writeFileSync(file, 'no envelope');
    expect(await judged()).toHaveProperty('refused');
  });
});
