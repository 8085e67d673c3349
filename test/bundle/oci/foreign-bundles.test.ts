import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { blake3 } from '../../../src/bundle/blake3.ts';
import { inspect } from '../../../src/bundle/inspect.ts';
import { encodeLockfile } from '../../../src/bundle/lockfile/encode.ts';
import { type Lockfile, rootOf, type SourceEntry } from '../../../src/bundle/lockfile/model.ts';
import { pull } from '../../../src/bundle/pull.ts';
import { SqliteTarget } from '../../../src/bundle/sources/sqlite-target.ts';
import { verify } from '../../../src/bundle/verify.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { readDatabase } from '../../../tools/bundle/source-database.ts';
import { startBuildCacheProvider } from '../../support/build-cache-provider.ts';
import { bundleFixture, middle, REPOSITORY, SCOPE } from '../../support/bundle-fixture.ts';
import { OciRegistry } from '../../support/oci-registry.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const FIXTURE = 'test/fixtures/mache-push';
const clock = TestClock.atOnce(30_000);
const CHUNK = 'application/vnd.cloister.build-cache.v1.chunk';

interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Pulls `producer`'s bundle from a registry into a new database. */
async function restore(registry: OciRegistry, producer = 'mache') {
  using folder = temporaryFolder();
  const path = folder.at('restored.db');
  const report = await pull({
    producer,
    folder: folder.at('pulled'),
    remote: { url: registry.url, scope: SCOPE, reference: 'latest' },
    target: () => new SqliteTarget({ path, shape: undefined, clock }),
    clock,
    random: middle,
  });
  const [inspection] = await inspect(folder.at('pulled'));
  return { report, inspection, database: readDatabase(path) };
}

function publishFixture(provider: OciRegistry): void {
  const manifest = readFileSync(join(FIXTURE, 'manifest.json'));
  const { config, layers } = JSON.parse(manifest.toString());
  provider.blobs.set(`${REPOSITORY}@${config.digest}`, readFileSync(join(FIXTURE, 'mache.lock.bin')));
  for (const { digest } of layers) {
    const hash = digest.slice('sha256:'.length);
    provider.blobs.set(
      `${REPOSITORY}@${digest}`,
      readFileSync(join(FIXTURE, 'objects', hash.slice(0, 2), hash.slice(2))),
    );
  }
  provider.manifests.set(`${REPOSITORY}:latest`, manifest);
}

/** Puts a bundle into a registry whose layers are what `layersOf` makes of the distinct chunks. */
async function publish(
  registry: OciRegistry,
  lockfile: Lockfile,
  contents: readonly string[],
  layersOf: (blobs: readonly Blob[]) => readonly Blob[] = (blobs) => blobs,
): Promise<void> {
  const name = `${lockfile.meta.producer}/${SCOPE}`;
  const put = async (bytes: Buffer): Promise<Blob> => {
    const digest = await registry.hash(bytes);
    registry.blobs.set(`${name}@${digest}`, bytes);
    return { digest, size: bytes.length };
  };
  const config = await put(Buffer.from(encodeLockfile(lockfile)));
  const blobs: Blob[] = [];
  for (const content of new Set(contents)) blobs.push(await put(Buffer.from(content)));
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.cloister.build-cache.v1.config+json', ...config },
    layers: layersOf(blobs).map((blob) => ({ mediaType: CHUNK, ...blob })),
  };
  registry.manifests.set(`${name}:latest`, Buffer.from(JSON.stringify(manifest)));
}

async function lockfileOf(
  sources: readonly (readonly [path: string, content: string])[],
  producer = 'mache',
): Promise<Lockfile> {
  const entries: SourceEntry[] = [];
  for (const [path, content] of sources) {
    const chunkHash = await blake3(Buffer.from(content));
    entries.push({ path, inputHash: chunkHash, chunkHash, kind: 'go-source' });
  }
  const inputProcessors = [{ kind: 'blake3', version: '1.5.0' }];
  const meta = { producer, producerVersion: '1', schemaVersion: '0.1.0', inputProcessors, generatedAtMs: 1 };
  return { meta, sources: entries, topology: [], root: await rootOf(entries) };
}

describe('a bundle that mache pushed', () => {
  it('is verified, pulled and restored without annotations, whatever the order of its layers', async () => {
    await using provider = await startBuildCacheProvider();
    publishFixture(provider);
    const { report, database } = await restore(provider);
    // One layer belongs to an earlier push: the lockfile does not name it, so it is not fetched.
    expect(report).toMatchObject({
      rootChecked: true,
      fetched: { digestMode: 'build-cache/v1', chunks: 3, fetched: 3 },
    });
    const rows = database.sources.map(({ id, language, content }) => [
      id,
      language,
      Buffer.from(content ?? []).toString(),
    ]);
    expect(rows).toEqual([
      ['auth.go', 'go', 'package auth\n'],
      ['copy.go', 'go', 'package main\n\nfunc main() {}\n'],
      ['main.go', 'go', 'package main\n\nfunc main() {}\n'],
      ['notes', null, 'plain notes, no language\n'],
    ]);
    const remote = { url: provider.url, scope: SCOPE, reference: 'latest', full: true };
    expect(await verify({ remote, clock, random: middle })).toMatchObject({ producer: 'mache', checked: 3 });
  });

  it('is restored where the rows of its database had no path, or an absolute one', async () => {
    await using provider = await startBuildCacheProvider();
    const contents = ['package a', 'package b', 'package c'] as const;
    const lockfile = await lockfileOf([
      ['', contents[0]],
      ['', contents[1]],
      ['/home/somebody/project/c.go', contents[2]],
    ]);
    await publish(provider, lockfile, contents);
    const { database } = await restore(provider);
    expect(database.sources.map(({ id }) => id)).toEqual(['chunk_0', 'chunk_1', 'home/somebody/project/c.go']);
  });

  it('gives back what its chunks with syntax trees say of the path', async () => {
    await using provider = await startBuildCacheProvider();
    const chunk = (path: string, id: string) =>
      `{"ast_nodes":null,"content_b64":"","language":"go","path":"${path}","source_id":"${id}"}\n`;
    const contents = [chunk('', 'a.go'), chunk('/work/b.go', 'b.go')];
    await publish(
      provider,
      await lockfileOf([
        ['', contents[0] as string],
        ['/work/b.go', contents[1] as string],
      ]),
      contents,
    );
    const { database } = await restore(provider);
    expect(database.sources.map(({ id, path }) => [id, path])).toEqual([
      ['a.go', null],
      ['b.go', '/work/b.go'],
    ]);
  });
});

describe('layers', () => {
  const contents = ['package a', 'package b', 'package c', 'package a'];
  const named = contents.map((content, index) => [`${index}.go`, content] as const);

  it('may stand in any order, any number of times, with or without annotations', async () => {
    const lockfile = await lockfileOf(named);
    const choice = fc.record({
      order: fc.shuffledSubarray([0, 1, 2], { minLength: 3, maxLength: 3 }),
      repeated: fc.array(fc.nat(2), { maxLength: 3 }),
      annotated: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      convention: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(choice, async ({ order, repeated, annotated, convention }) => {
        await using registry = convention ? await startBuildCacheProvider() : await OciRegistry.start();
        await publish(registry, lockfile, contents, (blobs) =>
          [...order, ...repeated].map((at, place) => ({
            ...(blobs[at] as Blob),
            ...(annotated[place] && { annotations: { 'org.cloister.build-cache.path': `${at}.go` } }),
          })),
        );
        const { report, database } = await restore(registry);
        expect(report.fetched).toMatchObject({ fetched: 3 });
        expect(database.sources.map(({ content }) => Buffer.from(content ?? []).toString())).toEqual(contents);
      }),
      { numRuns: 25 },
    );
  });

  it('that say nothing need not be fetched again', async () => {
    await using registry = await OciRegistry.start();
    await publish(registry, await lockfileOf(named), contents);
    using fixture = bundleFixture(registry);
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 3 });
    expect((await fixture.pull('pulled')).fetched).toMatchObject({ fetched: 0 });
  });

  it('of which none is a chunk that the lockfile names are told, and nothing shows', async () => {
    await using registry = await OciRegistry.start();
    await publish(registry, await lockfileOf(named), ['package a', 'package b', 'something else']);
    using fixture = bundleFixture(registry);
    await expect(fixture.pull('pulled')).rejects.toMatchObject({ code: 'BUNDLE_CHUNK_MISSING' });
    expect(readdirSync(fixture.at())).not.toContain('pulled');
  });
});

describe('a root by a producer’s own rule', () => {
  const contents = ['one', 'two'];
  const own = async (producer: string) => ({
    ...(await lockfileOf(
      [
        ['1', 'one'],
        ['2', 'two'],
      ],
      producer,
    )),
    root: createHash('sha256').update('a rule of its own').digest('hex'),
  });

  it('is told as not checked, by pull, verify and inspect', async () => {
    await using registry = await OciRegistry.start();
    await publish(registry, await own('me-bundle'), contents);
    const { report, inspection, database } = await restore(registry, 'me-bundle');
    expect(report.rootChecked).toBe(false);
    expect(inspection?.rootChecked).toBe(false);
    expect(database.sources).toHaveLength(2);
    const remote = { url: registry.url, scope: SCOPE, reference: 'latest' };
    const checked = await verify({ remote, producer: 'me-bundle', clock, random: middle });
    expect(checked.rootChecked).toBe(false);
  });

  it.each(['mache', 'vivarium'])('is refused in a lockfile of %s, whose rule is known', async (producer) => {
    await using registry = await OciRegistry.start();
    await publish(registry, await own(producer), contents);
    await expect(restore(registry, producer)).rejects.toMatchObject({ code: 'BUNDLE_INVALID_LOCKFILE' });
  });
});
