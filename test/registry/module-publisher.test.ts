import { describe, expect, it, vi } from 'vitest';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { FolderBlobStore, type LoadedModule, type ModuleMetadata, ModuleTrust } from '#registry';
import { digestOf } from '#security/signatures';
import { Signer } from '#security/signers';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from '../security/scratch.ts';
import { SOME_INTERFACE } from './module-records.ts';
import { createRig, metadata, standIns } from './rig.ts';

const bytes = Buffer.from('component');

describe('module publisher', () => {
  it('publishes a verified module that is found and fetched', async () => {
    const rig = await createRig();
    const record = await rig.publisher().publishModule(bytes, metadata);
    expect(record).toMatchObject({
      status: 'verified',
      storagePointer: digestOf(bytes),
      size: bytes.length,
      requires: ['a', 'b'],
      keyId: rig.signer.keyId,
      createdAt: rig.clock.now(),
    });
    const client = rig.client();
    const [match] = await client.query({ interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(2, 4) });
    expect(match).toEqual({ record, similarity: expect.closeTo(1, 6) });
    const fetched = await client.fetch(record.id);
    expect(Buffer.from(fetched.bytes)).toEqual(bytes);
    expect(fetched.record).toEqual(record);
    expect(rig.refused).toEqual([]);
  });

  it.each([Uint8Array.from(bytes), Buffer.from(bytes)])(
    'keeps what it was given, whatever the caller does to the buffer meanwhile',
    async (mine) => {
      const rig = await createRig();
      const publishing = rig.publisher().publishModule(mine, metadata);
      mine.fill(0);
      const { id } = await publishing;
      expect(Buffer.from((await rig.client().fetch(id)).bytes)).toEqual(bytes);
    },
  );

  it('publishes the same bytes once', async () => {
    const rig = await createRig();
    const first = await rig.publish('same');
    rig.clock.advance(10);
    expect(await rig.publish('same', { name: 'other' })).toEqual(first);
    expect(await rig.index.list({})).toHaveLength(1);
  });

  it('publishes the same bytes once when two publish them at the same time', async () => {
    const rig = await createRig();
    const other = Signer.generate();
    rig.trusting(other);
    const publishers = [rig.publisher(), rig.publisher({ signer: other })];
    const records = await Promise.all(publishers.map((publisher) => publisher.publishModule(bytes, metadata)));
    expect(records[0]).toEqual(records[1]);
    expect(records[0]?.status).toBe('verified');
    expect(await rig.index.list({})).toHaveLength(1);
  });

  it('publishes nothing that does not load', async () => {
    const rig = await createRig();
    await expect(rig.publish('bad bytes')).rejects.toMatchObject({ code: 'REGISTRY_INVALID_MODULE' });
    await expect(rig.publish('')).rejects.toMatchObject({ code: 'REGISTRY_INVALID_MODULE' });
    expect(await rig.index.list({})).toEqual([]);
    expect((await rig.client().collectOrphans(-1)).seen).toBe(0);
  });

  it('keeps a module pending when its check fails, and takes it up again', async () => {
    const rig = await createRig();
    const publisher = rig.publisher();
    const closed = vi.fn(async () => undefined);
    const load: typeof standIns.load = async (...given) => ({ ...(await standIns.load(...given)), close: closed });
    const failing = rig
      .publisher({ load })
      .publishModule(bytes, metadata, { check: () => Promise.reject(new Error('2 + 2 is 5')) });
    await expect(failing).rejects.toMatchObject({
      code: 'REGISTRY_CHECK_FAILED',
      message: expect.stringContaining('2 + 2 is 5'),
    });
    expect(closed).toHaveBeenCalledTimes(1);
    const [pending] = await rig.index.list({});
    expect(pending?.status).toBe('pending');
    expect(await rig.client().query({ interfaceHash: SOME_INTERFACE })).toEqual([]);
    await expect(rig.client().fetch(pending!.id)).rejects.toMatchObject({ code: 'REGISTRY_NOT_VERIFIED' });
    const called: unknown[] = [];
    const again = await publisher.publishModule(bytes, metadata, {
      check: async (module) => void called.push(await module.call('add', [2, 2])),
    });
    expect(again).toMatchObject({ id: pending!.id, status: 'verified' });
    expect(called).toEqual(['add']);
  });

  it('does not wait for a checker that hangs', async () => {
    const rig = await createRig();
    let told: AbortSignal | undefined;
    const entered = Promise.withResolvers<void>();
    const publishing = rig.publisher({ checkTimeoutMs: 500 }).publishModule(bytes, metadata, {
      check: (_, signal) => {
        told = signal;
        entered.resolve();
        return new Promise(() => undefined);
      },
    });
    await entered.promise;
    rig.clock.advance(500);
    await expect(publishing).rejects.toMatchObject({ code: 'REGISTRY_CHECK_FAILED' });
    expect(told?.aborted).toBe(true);
    expect((await rig.index.list({}))[0]?.status).toBe('pending');
  });

  it('closes a component that finishes loading after its time', async () => {
    const rig = await createRig();
    const close = vi.fn(async () => undefined);
    const loaded = Promise.withResolvers<LoadedModule>();
    const entered = Promise.withResolvers<void>();
    const load = (): Promise<LoadedModule> => {
      entered.resolve();
      return loaded.promise;
    };
    const publishing = rig.publisher({ load, checkTimeoutMs: 500 }).publishModule(bytes, metadata);
    await entered.promise;
    rig.clock.advance(500);
    await expect(publishing).rejects.toMatchObject({ code: 'REGISTRY_INVALID_MODULE' });
    loaded.resolve({ bytes, call: async () => undefined, close });
    await vi.waitFor(() => expect(close).toHaveBeenCalledTimes(1));
  });

  it('stops when it is aborted', async () => {
    const rig = await createRig();
    const controller = new AbortController();
    const publishing = rig.publisher().publishModule(bytes, metadata, {
      signal: controller.signal,
      check: async () => controller.abort(new Error('enough')),
    });
    await expect(publishing).rejects.toThrow('enough');
    expect((await rig.index.list({}))[0]?.status).toBe('pending');
  });

  it.each<[string, Partial<ModuleMetadata>, string]>([
    ['NUL in the name', { name: 'a\0b' }, 'REGISTRY_INVALID_METADATA'],
    ['an escape sequence in the name', { name: '\u001b[2J' }, 'REGISTRY_INVALID_METADATA'],
    ['a new line in the name', { name: 'a\nb' }, 'REGISTRY_INVALID_METADATA'],
    ['a direction override in the name', { name: 'evil\u202egpj.exe' }, 'REGISTRY_INVALID_METADATA'],
    ['an empty name', { name: ' ' }, 'REGISTRY_INVALID_METADATA'],
    ['10 MB of name', { name: 'x'.repeat(1e7) }, 'REGISTRY_INVALID_METADATA'],
    ['10 MB of description', { description: 'x'.repeat(1e7) }, 'REGISTRY_INVALID_METADATA'],
    ['NUL in the description', { description: 'a\0b' }, 'REGISTRY_INVALID_METADATA'],
    ['an escape sequence in the description', { description: '\u009b2J' }, 'REGISTRY_INVALID_METADATA'],
    ['half a surrogate pair', { description: '\ud800' }, 'REGISTRY_INVALID_METADATA'],
    ['no version', { version: 'latest' }, 'REGISTRY_INVALID_METADATA'],
    ['a vector without an embedder', { embedderId: undefined }, 'REGISTRY_INVALID_METADATA'],
    ['an embedder without a vector', { embedding: undefined }, 'REGISTRY_INVALID_METADATA'],
    ['NaN', { embedding: Float32Array.of(1, Number.NaN) }, 'REGISTRY_INVALID_EMBEDDING'],
    ['infinity', { embedding: Float32Array.of(1, Number.NEGATIVE_INFINITY) }, 'REGISTRY_INVALID_EMBEDDING'],
    ['a zero vector', { embedding: new Float32Array(2) }, 'REGISTRY_INVALID_EMBEDDING'],
    ['an empty vector', { embedding: new Float32Array() }, 'REGISTRY_INVALID_EMBEDDING'],
    ['a predecessor that is none', { supersedes: digestOf(bytes) }, 'REGISTRY_INVALID_METADATA'],
    ['a predecessor that is no digest', { supersedes: "' OR 1=1" }, 'REGISTRY_INVALID_METADATA'],
  ])('publishes nothing with %s', async (_, changes, code) => {
    const rig = await createRig();
    await expect(rig.publish('component', changes)).rejects.toMatchObject({ code });
    expect(await rig.index.list({})).toEqual([]);
  });

  it.each(['O\'Brien "the" adder', '加法器', 'adder 🧮', '%s %d $x {{x}} ..\\..'])(
    'takes the name %s',
    async (name) => {
      const rig = await createRig();
      const { id } = await rig.publish('component', { name, description: `${name}\n\tin two lines` });
      expect((await rig.client().fetch(id)).record.name).toBe(name);
    },
  );

  it('embeds the description when no vector is given', async () => {
    const rig = await createRig();
    const embedder = { id: 'stand-in', embed: async (text: string) => Float32Array.of(text.length, 1) };
    const plain = { name: 'adder', version: '1.0.0', description: 'adds' };
    const record = await rig.publisher({ embedder }).publishModule(bytes, plain);
    expect(record).toMatchObject({ embedderId: 'stand-in', embedding: Float32Array.of(4, 1) });
    await expect(rig.publish('another')).rejects.toMatchObject({ code: 'REGISTRY_EMBEDDER_MISMATCH' });
  });

  it('offers a new version in place of the one that it supersedes', async () => {
    const rig = await createRig();
    const first = await rig.publish('one');
    rig.clock.advance(1);
    const second = await rig.publish('two', { version: '2.0.0', supersedes: first.storagePointer });
    const found = await rig.client().query({ interfaceHash: SOME_INTERFACE, limit: 5 });
    expect(found.map(({ record }) => record.id)).toEqual([second.id]);
    await expect(rig.publish('three', { name: 'other', supersedes: first.storagePointer })).rejects.toMatchObject({
      code: 'REGISTRY_INVALID_METADATA',
    });
  });

  it('publishes nothing with a key that this machine does not trust, or not for this', async () => {
    const rig = await createRig();
    const trust = new ModuleTrust({ ...rig.trustParts(), separateVerifier: true });
    for (const changes of [{ signer: Signer.generate() }, { verifier: Signer.generate() }, { trust }]) {
      const publishing = rig.publisher(changes).publishModule(bytes, metadata);
      await expect(publishing).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
      expect(await rig.index.list({})).toEqual([]);
    }
    expect((await rig.client().collectOrphans(-1)).seen).toBe(0);
  });

  it('revokes for good, and does not publish the same bytes again', async () => {
    const rig = await createRig();
    const { id } = await rig.publish('component');
    expect(await rig.publisher().revoke(id)).toMatchObject({ status: 'revoked', verification: undefined });
    await expect(rig.client().fetch(id)).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    await expect(rig.publish('component')).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    expect(await rig.client().query({ interfaceHash: SOME_INTERFACE })).toEqual([]);
    expect((await rig.publisher().revoke(id)).status).toBe('revoked');
    await expect(rig.publisher().revoke('00000000-0000-4000-8000-000000000000')).rejects.toMatchObject({
      code: 'REGISTRY_NOT_FOUND',
    });
  });

  it('puts the blob again when a collection took it before its record stood', async () => {
    const clock = new TestClock();
    const real = new FolderBlobStore(scratchFolder(), clock);
    let isTaken = false;
    // The worst moment: after the blob was stored and before the record is inserted.
    const blobs: BlobStore & BlobInventory = {
      put: async (pointer, content) => {
        await real.put(pointer, content);
        if (isTaken) return;
        isTaken = true;
        await real.delete(pointer);
      },
      get: (pointer, most) => real.get(pointer, most),
      list: () => real.list(),
      delete: (pointer) => real.delete(pointer),
    };
    const rig = await createRig({ blobs });
    const { id } = await rig.publish('component');
    expect(Buffer.from((await rig.client().fetch(id)).bytes).toString()).toBe('component');
  });
});
