import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModuleMatch, ModuleQuery, ModuleRecord } from '#core/ports/registry';
import { FileRetiredModules, type IndexBackend, RegistryError } from '#registry';
import { Signer } from '#security/signers';
import { COLUMNS } from '../../src/registry/record.ts';
import { runCount } from '../support/runs.ts';
import { SOME_INTERFACE } from './module-records.ts';
import { createRig, type Rig } from './rig.ts';

const byName = { interfaceHash: SOME_INTERFACE };
const many = { ...byName, limit: 5 };

/** What both ways to a module say of it; neither may hand it out. */
async function refusals(rig: Rig, id: string): Promise<{ query: string[]; fetch: string }> {
  rig.refused.length = 0;
  const client = rig.client();
  for (const query of [many, { ...many, embedding: Float32Array.of(1, 2), threshold: -1 }]) {
    expect((await client.query(query)).map(({ record }) => record.id)).not.toContain(id);
  }
  const fetch = await client.fetch(id).then(
    () => 'fetched',
    (error: { code: string }) => error.code,
  );
  return { query: [...new Set(rig.refused.filter((one) => one.id === id).map(({ code }) => code))], fetch };
}

/** All rows as they are. */
async function snapshot(rig: Rig): Promise<Record<string, string | number | Uint8Array | null>[]> {
  const database = new DatabaseSync(join(rig.folder, 'index.db'));
  const rows = database.prepare('SELECT * FROM modules').all();
  database.close();
  return rows as Record<string, string | number | Uint8Array | null>[];
}

function blobFile(rig: Rig, { storagePointer }: ModuleRecord): string {
  const hex = storagePointer.slice('sha256:'.length);
  return join(rig.folder, 'blobs', 'sha256', hex.slice(0, 2), hex.slice(2));
}

describe('registry: what the database says is not believed', () => {
  it.each([
    ['name', 'trusted-name'],
    ['version', '9.9.9'],
    ['description', 'does something else'],
    ['requires', '[]'],
    ['requires_hash', 'sha256:'.padEnd(71, '9')],
    ['size', 1],
    ['created_at', 1],
    ['supersedes', 'sha256:'.padEnd(71, '9')],
    ['embedder_id', 'another'],
    ['storage_pointer', 'sha256:'.padEnd(71, '9')],
    ['key_id', '0'.repeat(64)],
    ['verification', '{}'],
    ['verification', null],
    ['signature', '{}'],
    ['signature', ''],
  ])('refuses a row whose %s was edited to %j', async (column, value) => {
    const rig = await createRig();
    const { id } = await rig.publish('component');
    rig.tamper(`UPDATE modules SET ${column} = ? WHERE id = ?`, value, id);
    expect(await refusals(rig, id)).toEqual({ query: ['REGISTRY_BAD_SIGNATURE'], fetch: 'REGISTRY_BAD_SIGNATURE' });
  });

  it('refuses a vector that was exchanged', async () => {
    const rig = await createRig();
    const target = await rig.publish('wanted');
    const other = await rig.publish('other', { embedding: Float32Array.of(-2, 1) });
    rig.tamper(
      'UPDATE modules SET embedding = (SELECT embedding FROM modules WHERE id = ?) WHERE id = ?',
      target.id,
      other.id,
    );
    expect(await refusals(rig, other.id)).toEqual({
      query: ['REGISTRY_BAD_SIGNATURE'],
      fetch: 'REGISTRY_BAD_SIGNATURE',
    });
    const [match] = await rig.client().query({ ...byName, embedding: Float32Array.of(1, 2) });
    expect(match?.record.id).toBe(target.id);
  });

  it('refuses a row that was moved to another interface', async () => {
    const rig = await createRig();
    const { id } = await rig.publish('component');
    const elsewhere = 'sha256:'.padEnd(71, 'e');
    rig.tamper('UPDATE modules SET interface_hash = ? WHERE id = ?', elsewhere, id);
    expect(await rig.client().query({ interfaceHash: elsewhere })).toEqual([]);
    expect(rig.refused).toEqual([{ code: 'REGISTRY_BAD_SIGNATURE', id }]);
  });

  it('refuses the signatures of another module', async () => {
    const rig = await createRig();
    const [one, two] = [await rig.publish('one'), await rig.publish('two')];
    for (const column of ['signature', 'verification']) {
      rig.tamper(
        `UPDATE modules SET ${column} = (SELECT ${column} FROM modules WHERE id = ?) WHERE id = ?`,
        one.id,
        two.id,
      );
      expect((await refusals(rig, two.id)).fetch).toBe('REGISTRY_BAD_SIGNATURE');
    }
  });

  it('refuses a module under the id of another', async () => {
    const rig = await createRig();
    const [one, two] = [await rig.publish('one'), await rig.publish('two')];
    rig.tamper('DELETE FROM modules WHERE id = ?', one.id);
    rig.tamper('UPDATE modules SET id = ? WHERE id = ?', one.id, two.id);
    expect((await refusals(rig, one.id)).fetch).toBe('REGISTRY_BAD_SIGNATURE');
  });

  it('refuses a pending module that was made verified by hand, the publisher being the verifier or not', async () => {
    const rig = await createRig();
    const hanging = rig.publisher().publishModule(
      Buffer.from('component'),
      { name: 'n', version: '1.0.0', description: '' },
      {
        check: () => Promise.reject(new Error('no')),
      },
    );
    await expect(hanging).rejects.toMatchObject({ code: 'REGISTRY_CHECK_FAILED' });
    const [{ id }] = (await rig.index.list({})) as [ModuleRecord];
    rig.tamper(`UPDATE modules SET validation_status = 'verified' WHERE id = ?`, id);
    expect(await refusals(rig, id)).toEqual({ query: ['REGISTRY_BAD_SIGNATURE'], fetch: 'REGISTRY_BAD_SIGNATURE' });
    rig.tamper('UPDATE modules SET verification = signature WHERE id = ?', id);
    expect(await refusals(rig, id)).toEqual({ query: ['REGISTRY_BAD_SIGNATURE'], fetch: 'REGISTRY_BAD_SIGNATURE' });
  });

  it('refuses a revoked module that was made verified by hand', async () => {
    const rig = await createRig();
    const { id } = await rig.publish('component');
    await rig.publisher().revoke(id);
    rig.tamper(`UPDATE modules SET validation_status = 'verified', verification = revocation WHERE id = ?`, id);
    expect((await refusals(rig, id)).fetch).toBe('REGISTRY_BAD_SIGNATURE');
  });
});

describe('registry: a row of any content', () => {
  it('is the one that was signed, or is passed over, or a typed error', async () => {
    const rig = await createRig();
    const { id } = await rig.publish('component');
    const before = await rig.index.get(id);
    const [kept = {}] = await snapshot(rig);
    const unsigned = { lastUsedAt: 0, useCount: 0, revocation: undefined };
    const text = [...COLUMNS].filter(
      (column) => !['embedding', 'size', 'created_at', 'last_used_at', 'use_count'].includes(column),
    );
    const nasty = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.json(),
      fc.constantFrom('', '\0', '[]', '{}', 'null', 'verified', 'revoked', '9'.repeat(400), '['.repeat(50_000)),
    );
    const numbers = fc.oneof(fc.integer(), fc.constantFrom('9007199254740993', '-9223372036854775808', -1));
    const edit = fc.oneof(
      fc.tuple(fc.constantFrom(...text), fc.constant('?'), fc.option(nasty)),
      fc.tuple(
        fc.constantFrom('size', 'created_at', 'last_used_at', 'use_count'),
        fc.constant('CAST(? AS INTEGER)'),
        numbers,
      ),
      fc.tuple(fc.constant('embedding'), fc.constant('CAST(? AS BLOB)'), nasty),
    );
    await fc.assert(
      fc.asyncProperty(edit, async ([column, place, value]) => {
        try {
          rig.tamper(`UPDATE modules SET ${column} = ${place}`, value);
        } catch {
          // The database itself does not take it.
          return;
        }
        for (const embedding of [undefined, Float32Array.of(1, 2)]) {
          for (const { record } of await rig.client().query({ ...byName, embedding, threshold: -1 })) {
            expect({ ...record, ...unsigned }).toEqual({ ...before, ...unsigned });
          }
        }
        await rig.client().list();
        await rig.client().statistics();
        await rig
          .client()
          .fetch(id)
          .catch((error: unknown) => expect(error).toBeInstanceOf(RegistryError));
        rig.tamper('DELETE FROM modules');
        const columns = Object.keys(kept);
        rig.tamper(`INSERT INTO modules (${columns}) VALUES (${columns.map(() => '?')})`, ...Object.values(kept));
        rig.tamper('UPDATE interfaces SET generation = generation + 1');
      }),
      { numRuns: runCount(150) },
    );
  });
});

describe('registry: what the index answers is not believed', () => {
  const refusedOf = async (query: Partial<ModuleQuery>, answer: (record: ModuleRecord) => ModuleMatch) => {
    const rig = await createRig();
    const record = await rig.publish('component');
    const lying = new Proxy(rig.index, {
      get: (index, name: keyof IndexBackend) =>
        name === 'find' ? async () => [answer(record)] : index[name].bind(index),
    });
    const found = await rig.client({ index: lying }).query({ interfaceHash: SOME_INTERFACE, ...query });
    return { found: found.length, refused: rig.refused.map(({ code }) => code) };
  };
  const nothing = { found: 0, refused: ['REGISTRY_BAD_RECORD'] };
  const embedding = Float32Array.of(2, -1);

  it('refuses a signed module that is offered for another meaning, or for a nearer one', async () => {
    const offered = (similarity: number) => refusedOf({ embedding }, (record) => ({ record, similarity }));
    expect(await offered(0.99)).toEqual(nothing);
    expect(await offered(Number.NaN)).toEqual(nothing);
    expect(await offered(0)).toEqual(nothing);
    expect(await refusedOf({ embedding }, (record) => ({ record }))).toEqual(nothing);
    expect(await refusedOf({ embedding: Float32Array.of(1, 2, 0) }, (record) => ({ record, similarity: 1 }))).toEqual(
      nothing,
    );
    const honest = { embedding: Float32Array.of(1, 2), threshold: 0.5 };
    expect(await refusedOf(honest, (record) => ({ record, similarity: 1 }))).toEqual({ found: 1, refused: [] });
    expect(await refusedOf(honest, (record) => ({ record, similarity: 0.6 }))).toEqual(nothing);
  });

  it('refuses a module of another interface, or that asks for what is not provided', async () => {
    const interfaceHash = 'sha256:'.padEnd(71, 'e');
    expect(await refusedOf({ interfaceHash }, (record) => ({ record }))).toEqual(nothing);
    expect(await refusedOf({ provided: ['a'] }, (record) => ({ record }))).toEqual(nothing);
    expect(await refusedOf({ provided: ['b', 'a'] }, (record) => ({ record }))).toEqual({ found: 1, refused: [] });
  });
});

describe('registry: keys', () => {
  it.each([
    ['unknown', (rig: Rig) => rig.keys.clear()],
    ['revoked', (rig: Rig) => rig.trusting(rig.signer, { revokedAt: 1 })],
    ['expired', (rig: Rig) => rig.trusting(rig.signer, { validUntil: rig.clock.now() })],
    ['not yet valid', (rig: Rig) => rig.trusting(rig.signer, { validFrom: rig.clock.now() + 1 })],
  ])('refuses a module whose key is %s by now', async (_, change) => {
    const rig = await createRig();
    const { id } = await rig.publish('component');
    expect((await rig.client().fetch(id)).record.id).toBe(id);
    change(rig);
    expect(await refusals(rig, id)).toEqual({ query: ['REGISTRY_UNTRUSTED'], fetch: 'REGISTRY_UNTRUSTED' });
  });

  it('refuses a module whose verifier is not trusted any more', async () => {
    const rig = await createRig();
    const verifier = Signer.generate();
    rig.trusting(verifier);
    const { id } = await rig
      .publisher({ verifier })
      .publishModule(Buffer.from('component'), { name: 'n', version: '1.0.0', description: '' });
    expect((await rig.client().fetch(id)).record.id).toBe(id);
    rig.trusting(verifier, { revokedAt: 1 });
    expect((await refusals(rig, id)).fetch).toBe('REGISTRY_UNTRUSTED');
  });

  it("asks for another key than the publisher's when the policy says so", async () => {
    const rig = await createRig();
    const verifier = Signer.generate();
    rig.trusting(verifier);
    const plain = { name: 'n', version: '1.0.0', description: '' };
    const own = await rig.publisher().publishModule(Buffer.from('own'), plain);
    const other = await rig.publisher({ verifier }).publishModule(Buffer.from('other'), plain);
    const strict = rig.client({}, { separateVerifier: true });
    await expect(strict.fetch(own.id)).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
    expect((await strict.fetch(other.id)).record.id).toBe(other.id);
  });

  it('refuses a signature of another algorithm, and one whose payload is of another type', async () => {
    const rig = await createRig();
    const { id, signature } = await rig.publish('component');
    const envelope = JSON.parse(signature) as { signatures: { sig: string }[]; payloadType: string };
    const rsa = { ...envelope, signatures: [{ ...envelope.signatures[0], sig: Buffer.alloc(256).toString('base64') }] };
    for (const changed of [rsa, { ...envelope, payloadType: 'text/plain' }]) {
      rig.tamper('UPDATE modules SET signature = ? WHERE id = ?', JSON.stringify(changed), id);
      expect((await refusals(rig, id)).fetch).toBe('REGISTRY_BAD_SIGNATURE');
    }
  });
});

describe('registry: bytes', () => {
  it('refuses a blob that is gone, cut short, longer, or changed in one bit', async () => {
    const rig = await createRig();
    const record = await rig.publish('component');
    const file = blobFile(rig, record);
    const fetch = () => rig.client().fetch(record.id);
    truncateSync(file, 4);
    await expect(fetch()).rejects.toMatchObject({ code: 'REGISTRY_BLOB_DAMAGED' });
    writeFileSync(file, 'componeNt');
    await expect(fetch()).rejects.toMatchObject({ code: 'REGISTRY_BLOB_DAMAGED' });
    writeFileSync(file, 'component and more');
    await expect(fetch()).rejects.toMatchObject({ code: 'REGISTRY_BLOB_DAMAGED' });
    rmSync(file);
    await expect(fetch()).rejects.toMatchObject({ code: 'REGISTRY_BLOB_MISSING' });
    await rig.publish('component');
    expect((await fetch()).bytes).toHaveLength(record.size);
  });

  it('keeps what is fetched by its id from eviction, and fetches where it may not write', async () => {
    const rig = await createRig();
    const [used, idle] = [await rig.publish('used'), await rig.publish('idle')];
    rig.clock.advance(7_200_000);
    const idleSince = rig.clock.now();
    await rig.client().fetch(used.id);
    expect((await rig.index.get(used.id))?.lastUsedAt).toBe(idleSince);
    rig.clock.advance(3_599_999);
    await rig.client().fetch(used.id);
    expect((await rig.index.get(used.id))?.lastUsedAt).toBe(idleSince);
    expect(await rig.client().evict({ idleSince })).toEqual([idle.id]);
    rig.clock.advance(1);
    rig.tamper(`CREATE TRIGGER readonly BEFORE UPDATE ON modules BEGIN SELECT raise(ABORT, 'read only'); END`);
    expect((await rig.client().fetch(used.id)).record.id).toBe(used.id);
  });

  it("refuses another module's blob", async () => {
    const rig = await createRig();
    const [one, two] = [await rig.publish('one'), await rig.publish('two')];
    writeFileSync(blobFile(rig, one), 'two');
    await expect(rig.client().fetch(one.id)).rejects.toMatchObject({ code: 'REGISTRY_BLOB_DAMAGED' });
    expect((await rig.client().fetch(two.id)).record.id).toBe(two.id);
  });

  it.each(["x' OR '1'='1", '', '../../etc/passwd', '\0', 'x'.repeat(1e6)])('knows no module %.20j', async (id) => {
    const rig = await createRig();
    await rig.publish('component');
    await expect(rig.client().fetch(id)).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
  });
});

describe('registry: versions', () => {
  it('offers no older version when the newer one was revoked', async () => {
    const rig = await createRig();
    const first = await rig.publish('one');
    const second = await rig.publish('two', { version: '2.0.0', supersedes: first.storagePointer });
    await rig.publisher().revoke(second.id);
    expect(await rig.client().query(many)).toEqual([]);
  });

  it('offers no older version to who saw the newer one, though that was deleted from the database', async () => {
    const rig = await createRig();
    const file = join(rig.folder, 'seen', 'retired');
    const first = await rig.publish('one');
    const second = await rig.publish('two', { version: '2.0.0', supersedes: first.storagePointer });
    const seen = () => rig.client({ retired: new FileRetiredModules(file) });
    expect((await seen().query(byName))[0]?.record.id).toBe(second.id);
    rig.tamper('DELETE FROM modules WHERE id = ?', second.id);
    rig.tamper('UPDATE interfaces SET generation = generation + 1');
    expect(await seen().query(many)).toEqual([]);
    expect(rig.refused).toEqual([{ code: 'REGISTRY_SUPERSEDED', id: first.id }]);
    expect((await seen().fetch(first.id)).record.id).toBe(first.id);
  });

  it('never fetches again what it saw revoked, though the database was rolled back', async () => {
    const rig = await createRig();
    const file = join(rig.folder, 'retired');
    const { id, verification } = await rig.publish('component');
    await rig.publisher().revoke(id);
    const seen = () => rig.client({ retired: new FileRetiredModules(file) });
    await expect(seen().fetch(id)).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    rig.tamper(
      `UPDATE modules SET validation_status = 'verified', revocation = NULL, verification = ?`,
      verification ?? null,
    );
    await expect(seen().fetch(id)).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    expect(await seen().query(byName)).toEqual([]);
  });

  it('remembers no revocation that nobody trusted signed', async () => {
    const rig = await createRig();
    const client = rig.client();
    const { id } = await rig.publish('component');
    rig.tamper(`UPDATE modules SET validation_status = 'revoked'`);
    await expect(client.fetch(id)).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    rig.tamper(`UPDATE modules SET validation_status = 'verified'`);
    expect((await client.fetch(id)).record.id).toBe(id);
  });

  it('finds the one good module behind a hundred bad ones', async () => {
    const rig = await createRig();
    const good = await rig.publish('good');
    for (let at = 0; at < 100; at += 1) {
      rig.clock.advance(1);
      await rig.publish(`forged ${at}`);
    }
    rig.tamper(`UPDATE modules SET description = 'forged' WHERE id <> ?`, good.id);
    expect((await rig.client().query(byName)).map(({ record }) => record.id)).toEqual([good.id]);
    expect(rig.refused).toHaveLength(100);
  });
});
