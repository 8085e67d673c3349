import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { Signer, trustedKeysOf } from '#security/signers';
import { verify } from '../../../src/bundle/verify.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { hasProgram, startDockerRegistry } from '../../../tools/servers/docker-registry.ts';
import { bundleFixture, middle, SCOPE } from '../../support/bundle-fixture.ts';
import { build, canHave, GO_REGISTRIES, startGoRegistry } from '../../support/go-registries.ts';
import { OciRegistry } from '../../support/oci-registry.ts';
import { describeWithServer } from '../../support/real-server.ts';

interface Server {
  readonly name: string;
  readonly isThere: boolean;
  readonly prepare?: () => void;
  readonly start: () => Promise<AsyncDisposable & { readonly url: string }>;
}

const SERVERS: readonly Server[] = [
  { name: 'the registry of our own tests', isThere: true, start: () => OciRegistry.start({ referrersPerPage: 1 }) },
  { name: 'distribution 2.8', isThere: hasProgram('docker-registry'), start: () => startDockerRegistry() },
  ...GO_REGISTRIES.map((name) => ({
    name,
    isThere: canHave(name),
    prepare: () => build(name),
    start: () => startGoRegistry(name),
  })),
];

const clock = TestClock.atOnce(30_000);
const few = { 'a.go': 'package a', 'b.go': 'package b', 'again.go': 'package a', 'empty.go': '' };
const many = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`p/${index}.go`, `package p${index}`]));

// One contract for every registry: what differs between them shows nowhere.
for (const { name, isThere, prepare, start } of SERVERS) {
  const how = 'on Debian: apt-get install docker-registry golang-go';
  describeWithServer(`the contract of registries: ${name}`, isThere, how, () => {
    beforeAll(() => prepare?.(), 900_000);

    it('takes a bundle, gives it back byte for byte, and takes nothing twice', async () => {
      await using registry = await start();
      using fixture = bundleFixture(registry);
      fixture.sources(few);
      expect((await fixture.push()).remote).toMatchObject({ sent: 4, unchanged: false });
      expect((await fixture.push()).remote).toMatchObject({ sent: 0, unchanged: true });
      const { fetched } = await fixture.pull('pulled');
      expect(fetched).toMatchObject({ fetched: 3, digestMode: 'sha256' });
      const lockfile = (folder: string) => readFileSync(fixture.at(folder, 'mache.lock.bin'));
      expect(lockfile('pulled')).toEqual(lockfile('packed'));
      const remote = { url: registry.url, scope: SCOPE, full: true };
      for (const reference of ['latest', fetched?.digest as string]) {
        expect(await verify({ remote: { ...remote, reference }, clock, random: middle })).toMatchObject({ checked: 3 });
      }
    });

    it('is asked for many blobs and leaves out those that it has', async () => {
      await using registry = await start();
      using fixture = bundleFixture(registry);
      fixture.sources(many);
      expect((await fixture.push()).remote).toMatchObject({ sent: 151 });
      expect((await fixture.push()).remote).toMatchObject({ sent: 0, unchanged: true });
      fixture.sources({ ...many, 'p/7.go': 'changed' });
      expect((await fixture.push()).remote).toMatchObject({ sent: 2 });
      expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 150 });
    });

    it('takes a large chunk in pieces', async () => {
      await using registry = await start();
      using fixture = bundleFixture(registry);
      fixture.sources({ large: Buffer.alloc(33 * 2 ** 20, 'piece by piece') });
      expect((await fixture.push()).remote).toMatchObject({ sent: 2 });
      expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 1 });
    });

    it('keeps signatures, also those of others, by the referrers API or without it', async () => {
      await using registry = await start();
      using fixture = bundleFixture(registry);
      fixture.sources(few);
      const [ours, theirs] = [Signer.generate(), Signer.generate()];
      const trust = trustedKeysOf([{ keyId: ours.keyId, publicKey: ours.publicKey, name: 'ours', addedAt: 0 }]);
      expect((await fixture.push({}, { sign: theirs })).remote).toMatchObject({ signed: true });
      await expect(fixture.pull('pulled', {}, { trust })).rejects.toMatchObject({ code: 'BUNDLE_UNTRUSTED' });
      expect((await fixture.push({}, { sign: ours })).remote).toMatchObject({ signed: true, unchanged: true });
      expect((await fixture.push({}, { sign: ours })).remote).toMatchObject({ signed: false, unchanged: true });
      const { signers } = await fixture.pull('pulled', {}, { trust });
      expect(signers?.map(({ name }) => name)).toEqual(['ours']);
    });

    it('tells what is absent', async () => {
      await using registry = await start();
      using fixture = bundleFixture(registry);
      await expect(fixture.pull('pulled')).rejects.toMatchObject({ code: 'BUNDLE_NOT_FOUND' });
    });
  });
}
