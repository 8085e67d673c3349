import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { FolderBlobStore, type IndexBackend, SqliteModuleIndex } from '#registry';
import { digestOf } from '#security/signatures';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from '../security/scratch.ts';
import { runCount } from '../support/runs.ts';
import { SOME_INTERFACE } from './module-records.ts';
import { createRig, type Rig } from './rig.ts';

const HOUR = 3_600_000;

/** What must hold at any time, whatever is going on: a module that may run has its bytes. */
async function expectWhole(rig: Rig): Promise<void> {
  for (const { id } of await rig.index.list({ status: 'verified' })) {
    const { bytes, record } = await rig.client().fetch(id);
    expect(digestOf(bytes)).toBe(record.storagePointer);
  }
}

type Step =
  | { readonly kind: 'publish' | 'fail' | 'revoke'; readonly which: number }
  | { readonly kind: 'evict' | 'collect' | 'wait' | 'query' };

const which = fc.nat(4);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('publish' as const, 'publish' as const, 'fail' as const, 'revoke' as const),
    which,
  }),
  fc.record({ kind: fc.constantFrom('evict' as const, 'collect' as const, 'wait' as const, 'query' as const) }),
);

async function take(rig: Rig, one: Step): Promise<void> {
  const client = rig.client();
  switch (one.kind) {
    case 'publish':
      return void (await rig.publish(`module ${one.which}`));
    case 'fail':
      return void (await rig.publisher().publishModule(
        Buffer.from(`module ${one.which}`),
        { name: 'n', version: '1.0.0', description: '' },
        {
          check: () => Promise.reject(new Error('of the test')),
        },
      ));
    case 'revoke': {
      const [record] = await rig.index.list({ storagePointer: digestOf(Buffer.from(`module ${one.which}`)) });
      if (record !== undefined) await rig.publisher().revoke(record.id);
      return;
    }
    case 'evict':
      return void (await client.evict({ keep: 2 }));
    case 'collect':
      return void (await client.collectOrphans(0));
    case 'wait':
      return rig.clock.advance(HOUR);
    case 'query':
      for (const { record } of await client.query({ interfaceHash: SOME_INTERFACE, limit: 9 })) {
        expect(record.status).toBe('verified');
      }
  }
}

/** These refusals are right; anything else is not. */
const EXPECTED = new Set(['REGISTRY_REVOKED', 'REGISTRY_CHECK_FAILED', 'REGISTRY_NOT_FOUND', 'REGISTRY_BUSY']);

async function takeAllowing(rig: Rig, one: Step): Promise<void> {
  try {
    await take(rig, one);
  } catch (error) {
    if (!EXPECTED.has((error as { code?: string }).code ?? '')) throw error;
  }
}

describe('registry: publish, revoke, evict and collect', () => {
  it('in any order, one after another, every verified module has its bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const clock = new TestClock();
        const index = await SqliteModuleIndex.open({ path: ':memory:', clock });
        const rig = await createRig({ index });
        for (const one of steps) {
          await takeAllowing(rig, one);
          await expectWhole(rig);
        }
        await index.close();
      }),
      { numRuns: 40 },
    );
  });

  it('at the same time, interleaved in any way, every verified module has its bytes in the end', async () => {
    // Few modules and many collections: what can go wrong goes wrong where they meet.
    const crowded: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ kind: fc.constantFrom('publish' as const, 'fail' as const), which: fc.nat(1) }),
      fc.record({ kind: fc.constantFrom('evict' as const, 'collect' as const, 'collect' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(crowded, { minLength: 2, maxLength: 8 }), async (scheduler, steps) => {
        const clock = new TestClock();
        const real = await SqliteModuleIndex.open({ path: ':memory:', clock });
        const folder = new FolderBlobStore(scratchFolder(), clock);
        // Every access waits for its turn, in an order that the property chooses.
        const turn = <T>(label: string, task: () => Promise<T>): Promise<T> =>
          scheduler.schedule(Promise.resolve(), label).then(task);
        const stored = Promise.withResolvers<void>();
        if (!steps.some(({ kind }) => kind === 'publish' || kind === 'fail')) stored.resolve();
        const blobs: BlobStore & BlobInventory = {
          put: async (pointer, bytes) => {
            await turn('put', () => folder.put(pointer, bytes));
            stored.resolve();
          },
          get: (pointer, most) => turn('get', () => folder.get(pointer, most)),
          delete: (pointer) => turn('delete', () => folder.delete(pointer)),
          list: async function* () {
            // A collection that begins before anything is stored would be over before anything could happen.
            await stored.promise;
            await turn('list', async () => undefined);
            yield* folder.list();
          },
        };
        const index: IndexBackend = {
          insert: (record) => turn('insert', () => real.insert(record)),
          change: (...given) => turn('change', () => real.change(...given)),
          resign: (...given) => turn('resign', () => real.resign(...given)),
          condemn: (...given) => turn('condemn', () => real.condemn(...given)),
          absolve: (pointer) => turn('absolve', () => real.absolve(pointer)),
          evict: () => turn('evict', () => real.evict({ keep: 0 })),
          get: (id) => real.get(id),
          find: (query) => real.find(query),
          touch: (...given) => real.touch(...given),
          list: (filter) => real.list(filter),
          append: (...given) => real.append(...given),
          statistics: () => real.statistics(),
          forget: (rule) => real.forget(rule),
          close: () => real.close(),
        };
        const rig = await createRig({ index, blobs });
        await rig.clock.during(scheduler.waitFor(Promise.all(steps.map((one) => takeAllowing(rig, one)))));
        await scheduler.waitFor(expectWhole(rig));
        await real.close();
      }),
      { numRuns: runCount(150) },
    );
  });
});
