import pg from 'pg';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { FolderBlobStore, openIndex } from '#registry';
import { PostgresConnection } from '../../../src/registry/postgres/connection.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { TestClock } from '../../../src/testing/clock.ts';
import { freePort } from '../../../tools/servers/free-port.ts';
import { findPostgres, type PostgresServer, startPostgres } from '../../../tools/servers/postgres-server.ts';
import { SOME_INTERFACE } from '../../registry/module-records.ts';
import { createRig, metadata, type Rig } from '../../registry/rig.ts';
import { scratchFolder } from '../../security/scratch.ts';
import { describeWithServer } from '../../support/real-server.ts';

const clock = new TestClock();
const unavailable = { code: 'REGISTRY_UNAVAILABLE' };

async function byHand(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

describeWithServer('registry in PostgreSQL: faults', findPostgres() !== undefined, 'apt-get install postgresql', () => {
  let server: PostgresServer;
  let count = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.close());

  const freshDatabase = (): Promise<string> => {
    count += 1;
    return server.createDatabase(`faults_${count}`);
  };
  const rigOn = async (url: string, blobs?: BlobStore & BlobInventory): Promise<Rig> => {
    const index = await openIndex(url, clock);
    onTestFinished(() => index.close());
    return createRig(blobs === undefined ? { index } : { index, blobs });
  };

  it('publishes, finds, fetches, revokes and collects', async () => {
    const rig = await rigOn(await freshDatabase());
    const record = await rig.publish('component');
    const query = { interfaceHash: SOME_INTERFACE, embedding: Float32Array.of(1, 2) };
    expect((await rig.client().query(query))[0]?.record).toEqual(record);
    expect((await rig.client().fetch(record.id)).bytes).toHaveLength(record.size);
    await rig.publisher().revoke(record.id);
    expect(await rig.client().query(query)).toEqual([]);
    expect((await rig.client().collectOrphans(-1)).deleted).toEqual([record.storagePointer]);
  });

  it('gives up a statement without an answer, and its connection with it, and goes on with another', async () => {
    const connection = await PostgresConnection.create(await freshDatabase(), systemClock);
    onTestFinished(() => connection.close());
    const backend = async (): Promise<unknown> => (await connection.query('SELECT pg_backend_pid() AS id'))[0]?.id;
    const before = await backend();
    expect(await backend()).toBe(before);
    const began = performance.now();
    const slow = connection.transaction((run) => run('SELECT pg_sleep($1::int)', [60], 50));
    await expect(slow).rejects.toMatchObject({ ...unavailable, message: expect.stringContaining('within 50 ms') });
    // No rollback was waited for, which would have stood behind the statement.
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await backend()).not.toBe(before);
  });

  it('says that the database is gone, and goes on when it is back', async () => {
    const rig = await rigOn(await freshDatabase());
    const record = await rig.publish('component');
    await server.crash();
    await expect(rig.client().query({ interfaceHash: SOME_INTERFACE })).rejects.toMatchObject(unavailable);
    await expect(rig.client().fetch(record.id)).rejects.toMatchObject(unavailable);
    await expect(rig.publish('another')).rejects.toMatchObject(unavailable);
    await server.start();
    expect((await rig.client().fetch(record.id)).record).toEqual(record);
    expect((await rig.publish('another')).status).toBe('verified');
  });

  it('publishes nothing by half when the database goes between blob and record', async () => {
    const real = new FolderBlobStore(scratchFolder(), clock);
    let isFirst = true;
    const blobs: BlobStore & BlobInventory = {
      put: async (pointer, bytes) => {
        await real.put(pointer, bytes);
        if (isFirst) await server.crash();
        isFirst = false;
      },
      get: (pointer, most) => real.get(pointer, most),
      list: () => real.list(),
      delete: (pointer) => real.delete(pointer),
    };
    const rig = await rigOn(await freshDatabase(), blobs);
    await expect(rig.publish('component')).rejects.toMatchObject(unavailable);
    await server.start();
    expect(await rig.index.list({})).toEqual([]);
    expect((await rig.client().collectOrphans(-1)).deleted).toHaveLength(1);
    expect((await rig.publish('component')).status).toBe('verified');
  });

  it('takes up a module that the database left pending', async () => {
    const rig = await rigOn(await freshDatabase());
    const publishing = rig
      .publisher()
      .publishModule(Buffer.from('component'), metadata, { check: () => server.crash() });
    await expect(publishing).rejects.toMatchObject(unavailable);
    await server.start();
    expect(await rig.index.list({})).toMatchObject([{ status: 'pending' }]);
    expect(await rig.client().query({ interfaceHash: SOME_INTERFACE })).toEqual([]);
    expect((await rig.publish('component')).status).toBe('verified');
    expect(await rig.index.list({})).toHaveLength(1);
  });

  it('replaces connections that the server ended', async () => {
    const url = await freshDatabase();
    const rig = await rigOn(url);
    await rig.publish('component');
    await byHand(
      url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'vivarium' AND datname = current_database()`,
    );
    expect(await rig.client().query({ interfaceHash: SOME_INTERFACE })).toHaveLength(1);
  });

  it('keeps one record of what two programs publish at once', async () => {
    const url = await freshDatabase();
    const [one, two] = [await rigOn(url), await rigOn(url)];
    one.trusting(two.signer);
    two.trusting(one.signer);
    const texts = Array.from({ length: 10 }, (_, at) => `component ${at}`);
    const records = await Promise.all([one, two].map((rig) => Promise.all(texts.map((text) => rig.publish(text)))));
    expect(records[0]?.map(({ id }) => id)).toEqual(records[1]?.map(({ id }) => id));
    expect(await one.index.list({ status: 'verified' })).toHaveLength(10);
  });

  it('opens from many programs at once, on an empty database', async () => {
    const url = await freshDatabase();
    const indexes = await Promise.all(Array.from({ length: 5 }, () => openIndex(url, clock)));
    expect(await indexes[0]?.list({})).toEqual([]);
    await Promise.all(indexes.map((index) => index.close()));
  });

  it('names what it cannot open', async () => {
    const url = await freshDatabase();
    const missing = url.replace(/\w+$/, 'no_such_database');
    await expect(openIndex(missing, clock)).rejects.toMatchObject({ code: 'REGISTRY_REFUSED' });
    const closed = url.replace(/:\d+/, `:${await freePort()}`);
    await expect(openIndex(closed, clock)).rejects.toMatchObject(unavailable);
    await (await openIndex(url, clock)).close();
    await byHand(url, 'UPDATE vivarium_schema SET version = 999');
    await expect(openIndex(url, clock)).rejects.toMatchObject({ code: 'REGISTRY_SCHEMA' });
  });
});
