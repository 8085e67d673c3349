// The doors beside the runtime: the artifact cache, the portable cache, the registry, metering.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pull, push, verify } from '#bundle';
import { HttpEmbedder, HttpModelProvider, RegistryAwareDelegationEngine, StaticDelegationEngine } from '#delegation';
import { FuelTank, meterBytes, meterModule } from '#metering';
import { ModulePublisher, ModuleTrust, RegistryClient } from '#registry';
import {
  buildActor,
  checkBundle,
  isVivariumError,
  openArtifactCache,
  openAuditFolder,
  openRegistry,
  pullBundle,
  pushBundle,
  readAudit,
} from '../../src/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vivarium-doors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** No texts: some would be paths, and some of these doors write. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc
    .anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true })
    .filter((value) => typeof value !== 'string'),
  fc.constantFrom(Number.NaN, -1, 0, 1, 1.5, Number.POSITIVE_INFINITY, -1n, null, Symbol('odd'), () => {}),
);

/** Each of these keys with junk, one at a time, beside what else the call needs; or junk instead of it all. */
const wrongIn = (keys: readonly string[], beside: object = {}): fc.Arbitrary<never> =>
  fc.oneof(
    junk,
    fc.tuple(fc.constantFrom(...keys), junk).map(([key, value]) => ({ ...beside, [key]: value })),
  ) as fc.Arbitrary<never>;

async function ours(act: () => unknown): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isVivariumError(error)) throw error;
  }
}

it('FuelTank and meterModule take their options, or refuse them by name', async () => {
  await fc.assert(
    fc.asyncProperty(wrongIn(['fuel', 'deadlineMs', 'maxMemoryBytes']), junk, junk, async (options, mode, bytes) => {
      await ours(() => new FuelTank(options));
      await ours(() => meterModule(bytes as never, mode as never));
      await ours(() => meterModule(bytes as never));
    }),
  );
  const refused = (message: string) => expect.objectContaining({ message: expect.stringContaining(message) });
  expect(() => new FuelTank({ fuel: 5 as never })).toThrow(refused('fuel is 5; give a bigint'));
  expect(() => new FuelTank({ maxFuel: 5n } as never)).toThrow(refused('maxFuel is no option; there are fuel,'));
  const nothing = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  for (const meter of [meterModule, meterBytes]) {
    expect(() => meter(nothing, 'huh' as never)).toThrow(refused('mode is "huh"; give "fuel" or "deadline"'));
  }
});

it('the artifact cache deletes nothing for options that cannot be meant', async () => {
  await using cache = openArtifactCache({ root: join(folder, 'cache') });
  const { manager } = cache;
  await fc.assert(
    fc.asyncProperty(
      wrongIn(['maxBytes', 'maxAge', 'keepProfiles', 'dryRun']),
      wrongIn(['fix', 'onProgress']),
      wrongIn(['concurrency', 'onProgress', 'signal']),
      junk,
      async (prune, doctor, warmup, mode) => {
        await ours(() => manager.pruneDisk(prune));
        await ours(() => manager.doctor(doctor));
        await ours(() => manager.warmup([], 'strict', warmup));
        await ours(() => manager.warmup([], mode as never));
        await ours(() => manager.keyOf(`sha256:${'0'.repeat(64)}`, mode as never));
      },
    ),
    { numRuns: 50 },
  );
  const expected = { code: 'CACHE_INVALID_CONFIG' };
  await expect(manager.pruneDisk({ maxBytes: Number.NaN })).rejects.toMatchObject(expected);
  await expect(manager.pruneDisk({ maxbytes: 0 } as never)).rejects.toMatchObject(expected);
});

it('the portable cache refuses options before it writes or sends', async () => {
  const remote = { url: 'http://127.0.0.1:9', scope: 'a/b' };
  const REMOTE = [
    'url',
    'scope',
    'authHosts',
    'concurrency',
    'tokenFile',
    'token',
    'user',
    'idleMs',
    'tag',
    'reference',
  ];
  const inRemote = (beside: object): fc.Arbitrary<never> =>
    wrongIn(REMOTE, { ...remote, ...beside }).map((wrong) => ({ remote: wrong }) as never);
  const common = ['folder', 'producer', 'onProgress', 'signal', 'database', 'strict', 'force', 'sourceRoot', 'key'];
  // Nothing that is right is among them, so nothing is packed: without a source there is nothing to be right.
  const database = join(folder, 'none.db');
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(wrongIn(common, { database }), inRemote({ tag: 'x' })),
      fc.oneof(wrongIn(['path', 'producer', 'remote', 'signal']), inRemote({ reference: 'x' })),
      async (either, check) => {
        await ours(() => pushBundle({ database, ...(either as object) }));
        await ours(() => pullBundle({ folder: join(folder, 'none'), database, ...(either as object) }));
        await ours(() => checkBundle({ ...(check as object), path: join(folder, 'none') }));
        await ours(() => checkBundle(check));
        for (const act of [push, pull, verify]) await ours(() => act(either));
      },
    ),
    { numRuns: 20 },
  );
  const expected = (message: string) => ({ code: 'BUNDLE_INVALID_OPTION', message: expect.stringContaining(message) });
  const wrong = { folder: join(folder, 'x'), dryrun: true } as never;
  await expect(pushBundle(wrong)).rejects.toMatchObject(expected('dryrun is no option'));
  await expect(checkBundle({})).rejects.toMatchObject(expected('nothing to verify'));
  const token = { ...remote, reference: 'x', token: { secret: 'never shown' } } as never;
  await expect(checkBundle({ remote: token })).rejects.toMatchObject(expected('token is not a text; give a token'));
  expect((await readdir(folder)).filter((name) => name !== 'cache')).toEqual([]);
});

it('the registry refuses options before it finds or deletes', async () => {
  const home = join(folder, 'home');
  await fc.assert(
    fc.asyncProperty(
      wrongIn(['registry', 'blobs', 'limits', 'separateVerifier', 'refused'], { home }).filter(
        (value) => value !== undefined,
      ),
      async (options) => {
        if (typeof options === 'object' && options !== null && Object.keys(options).length === 0) return;
        await ours(async () => (await openRegistry(options)).close());
      },
    ),
    { numRuns: 30 },
  );
  await using registry = await openRegistry({ home });
  const { client } = registry;
  const hash = `sha256:${'0'.repeat(64)}`;
  await fc.assert(
    fc.asyncProperty(
      wrongIn(['embedding', 'embedderId', 'threshold', 'provided', 'limit', 'interfaceHash'], { interfaceHash: hash }),
      wrongIn(['status', 'name', 'interfaceHash', 'storagePointer', 'after', 'limit']),
      wrongIn(['idleSince', 'keep']),
      junk,
      async (query, filter, rule, grace) => {
        await ours(() => client.query(query));
        await ours(() => client.list(filter));
        await ours(() => client.evict(rule));
        await ours(() => client.collectOrphans(grace as never));
        await ours(() => registry.publisher({ key: grace } as never));
      },
    ),
    { numRuns: 60 },
  );
  const expected = { code: 'REGISTRY_INVALID_QUERY' };
  await expect(client.evict({ keep: '0' as never })).rejects.toMatchObject(expected);
  await expect(client.evict({ idle: 0 } as never)).rejects.toMatchObject(expected);
  await expect(client.collectOrphans(Number.NaN)).rejects.toMatchObject(expected);
});

it('parts, builds and the audit log refuse options that cannot be meant', async () => {
  const endpoint = { url: 'http://127.0.0.1:9/v1', model: 'm' };
  const keys = ['url', 'apiKey', 'timeoutMs', 'maxReplyBytes', 'retries', 'retryDelayMs', 'model'];
  const folderOfAudit = openAuditFolder(join(folder, 'home'));
  await fc.assert(
    fc.asyncProperty(
      wrongIn(keys, endpoint),
      wrongIn(['targets', 'policy', 'otherwise', 'clock', 'memoSize', 'memoMs']),
      wrongIn(['threshold', 'embedderId', 'provided', 'unavailable']),
      wrongIn(['output', 'engine', 'world']),
      wrongIn(['component', 'action', 'outcome', 'since']),
      async (model, decisions, aware, build, filter) => {
        await ours(() => new HttpEmbedder(model));
        await ours(() => new HttpModelProvider(model));
        await ours(() => new StaticDelegationEngine(decisions));
        await ours(() => new RegistryAwareDelegationEngine({} as never, {} as never, aware));
        await ours(() => buildActor(join(folder, 'none'), build));
        await ours(async () => {
          for await (const _ of readAudit(folderOfAudit, filter)) break;
        });
        for (const Part of [ModulePublisher, ModuleTrust, RegistryClient]) await ours(() => new Part(model));
      },
    ),
    { numRuns: 60 },
  );
  expect(() => new HttpEmbedder({ ...endpoint, apiKey: { secret: 'never shown' } as never })).toThrow(
    'apiKey is not a text; give a key',
  );
});
