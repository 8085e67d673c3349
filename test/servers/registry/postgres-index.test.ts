import pg from 'pg';
import { PostgresModuleIndex } from '#registry';
import { findPostgres, startPostgres } from '../../../tools/servers/postgres-server.ts';
import { describeIndex, type IndexHarness } from '../../registry/index-contract.ts';
import { startPglite } from '../../support/pglite-server.ts';
import { describeWithServer } from '../../support/real-server.ts';

const TABLES = ['modules', 'interfaces', 'embedder', 'lookups', 'condemned'];

/** The suite's statements name the tables without the prefix that they have in PostgreSQL. */
function prefixed(sql: string): string {
  return sql.replaceAll(new RegExp(`\\b(${TABLES.join('|')})\\b`, 'g'), 'vivarium_$1');
}

async function harnessOf(url: string, close: () => Promise<void>): Promise<IndexHarness> {
  const byHand = new pg.Client({ connectionString: url });
  await byHand.connect();
  return {
    open: (clock) => PostgresModuleIndex.open({ url, clock }),
    clear: async () => {
      await byHand.query(prefixed('DELETE FROM modules; UPDATE interfaces SET generation = generation + 1'));
    },
    reset: async () => {
      const tables = ['vectors', 'schema', ...TABLES].map((table) => `vivarium_${table}`);
      await byHand.query(`DROP TABLE IF EXISTS ${tables.join(', ')} CASCADE`);
    },
    // More than are searched without the HNSW index.
    flood: 3_000,
    tamper: async (sql) => void (await byHand.query(prefixed(sql))),
    close: async () => {
      await byHand.end();
      await close();
    },
  };
}

describeWithServer('PostgreSQL', findPostgres() !== undefined, 'on Debian: apt-get install postgresql', () => {
  describeIndex('PostgreSQL without pgvector', async () => {
    const server = await startPostgres();
    return harnessOf(await server.createDatabase('contract'), () => server.close());
  });
});

describeIndex('PostgreSQL with pgvector', async () => {
  const server = await startPglite();
  return harnessOf(server.url, () => server.close());
});
