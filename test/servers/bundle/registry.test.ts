import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { decodeLockfile } from '../../../src/bundle/lockfile/decode.ts';
import { verify } from '../../../src/bundle/verify.ts';
import { verifyFolder } from '../../../src/bundle/verify-folder.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { startDockerRegistry } from '../../../tools/servers/docker-registry.ts';
import { type BundleFixture, bundleFixture, middle, SCOPE } from '../../support/bundle-fixture.ts';
import { describeWithPrograms } from '../../support/real-server.ts';

const three = { 'a.go': 'package a', 'b.go': 'package b', 'empty.go': '' };
const clock = TestClock.atOnce(30_000);

function sameBundle(fixture: BundleFixture, folder: string): void {
  const read = (name: string) => readFileSync(fixture.at(name, 'mache.lock.bin'));
  expect(read(folder)).toEqual(read('packed'));
  expect(decodeLockfile(read(folder)).sources).toHaveLength(3);
}

describeWithPrograms(['docker-registry', 'skopeo', 'openssl'], 'a real registry', () => {
  it('takes a bundle and gives it back', async () => {
    await using registry = await startDockerRegistry();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    expect((await fixture.push()).remote).toMatchObject({ sent: 4, unchanged: false });
    expect((await fixture.push()).remote).toMatchObject({ sent: 0, unchanged: true });
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 3 });
    sameBundle(fixture, 'pulled');
    await verifyFolder(fixture.at('pulled'), 'mache');
    const remote = { url: registry.url, scope: SCOPE, reference: 'latest', full: true };
    expect(await verify({ remote, clock, random: middle })).toMatchObject({ producer: 'mache', checked: 3 });
  });

  it('gives back a bundle that skopeo copied', async () => {
    await using registry = await startDockerRegistry();
    await using second = await startDockerRegistry();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await fixture.push();
    const image = (host: string) => `docker://${host}/mache/${SCOPE}:latest`;
    execFileSync('skopeo', [
      'copy',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      image(registry.host),
      image(second.host),
    ]);
    await fixture.pull('pulled', { url: second.url });
    sameBundle(fixture, 'pulled');
  });

  it('demands a token, which is exchanged', async () => {
    await using registry = await startDockerRegistry({ tokenPassword: 'secret' });
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const credentials = { kind: 'token', token: 'secret' } as const;
    await fixture.push({ credentials });
    await fixture.pull('pulled', { credentials });
    sameBundle(fixture, 'pulled');
    const refused = { code: 'BUNDLE_UNAUTHORISED' };
    await expect(fixture.pull('other', { credentials: { kind: 'token', token: 'wrong' } })).rejects.toMatchObject(
      refused,
    );
    await expect(fixture.pull('other')).rejects.toMatchObject(refused);
  });

  it('demands a name and a password', async () => {
    await using registry = await startDockerRegistry({ basic: true });
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    const credentials = { kind: 'basic', user: 'test', password: 'secret' } as const;
    await fixture.push({ credentials });
    await fixture.pull('pulled', { credentials });
    sameBundle(fixture, 'pulled');
    await expect(fixture.pull('other')).rejects.toMatchObject({ code: 'BUNDLE_UNAUTHORISED' });
  });

  it('takes a large chunk in pieces, and mounts across repositories', async () => {
    await using registry = await startDockerRegistry();
    using fixture = bundleFixture(registry);
    fixture.sources({ large: Buffer.alloc(40 * 2 ** 20, 'piece by piece') });
    await fixture.push();
    await fixture.pull('pulled');
    await verifyFolder(fixture.at('pulled'), 'mache');
    const mounted = await fixture.push({ scope: 'other/scope', mountFrom: [`mache/${SCOPE}`] });
    expect(mounted.remote).toMatchObject({ mounted: 2, sent: 0 });
  });

  it('refuses the digests of build-cache/v1, which pull would have told apart', async () => {
    await using registry = await startDockerRegistry();
    using fixture = bundleFixture(registry);
    fixture.sources(three);
    await expect(fixture.push({ digestMode: 'build-cache/v1' })).rejects.toMatchObject({
      code: 'BUNDLE_DIGEST_MISMATCH',
    });
  });

  it('tells absent, damaged and unauthorised apart', async () => {
    await using registry = await startDockerRegistry();
    using fixture = bundleFixture(registry);
    const codeOf = () =>
      verify({
        remote: { url: registry.url, scope: SCOPE, reference: 'latest', full: true },
        clock,
        random: middle,
      }).then(
        () => 'right',
        (error) => error.code,
      );
    expect(await codeOf()).toBe('BUNDLE_NOT_FOUND');
    fixture.sources(three);
    await fixture.push();
    expect(await codeOf()).toBe('right');
    const blobs = join(registry.folder, 'docker/registry/v2/blobs/sha256');
    const chunk = execFileSync('grep', ['-rl', 'package b', blobs])
      .toString()
      .split('\n')
      .find((path) => path.endsWith('/data'));
    rmSync(chunk as string);
    expect(['BUNDLE_CHUNK_MISSING', 'BUNDLE_UNREACHABLE', 'BUNDLE_DIGEST_MISMATCH']).toContain(await codeOf());
  });
});
