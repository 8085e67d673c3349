import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** Where Debian puts the servers, newest first. */
const DEBIAN = '/usr/lib/postgresql';

export interface PostgresServer {
  /** A fresh, empty database. */
  createDatabase(name: string): Promise<string>;
  /** As `kill -9` would end it; `start` brings it up again with what was committed. */
  crash(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** The folder of PostgreSQL's programs, or undefined where there is none. */
export function findPostgres(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(DEBIAN, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/**
 * Starts PostgreSQL on a free port of this machine, under a user without rights when we are root: it refuses root.
 * @param bin the folder of its programs; Debian's by default
 * @param more settings, as `shared_buffers=512MB`
 */
export async function startPostgres(
  bin: string | undefined = findPostgres(),
  more: readonly string[] = [],
): Promise<PostgresServer> {
  if (bin === undefined) throw new Error(`no PostgreSQL in ${DEBIAN}; on Debian: apt-get install postgresql`);
  const user = process.getuid?.() === 0 ? unprivileged() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-postgres-'));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, stdio: 'pipe' } as const;
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'vivarium', '-A', 'trust', '-E', 'UTF8', '--no-sync'], options);
  const port = await freePort();
  let child: ChildProcess | undefined;
  const url = (database: string): string => `postgres://vivarium@127.0.0.1:${port}/${database}`;

  const start = async (): Promise<void> => {
    const settings = ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', '-F'];
    const server = spawn(join(bin, 'postgres'), [...settings, ...more.flatMap((one) => ['-c', one])], options);
    child = server;
    let log = '';
    await new Promise<void>((resolve, reject) => {
      server.stderr?.on('data', (chunk: Buffer) => {
        log += String(chunk);
        if (log.includes('ready to accept connections')) resolve();
      });
      server.once('exit', () => reject(new Error(`PostgreSQL did not start: ${log}`)));
    });
  };
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    const server = child;
    child = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    await new Promise<void>((resolve) => {
      server.once('exit', () => resolve());
      server.kill(signal);
    });
  };
  await start();
  return {
    createDatabase: async (name) => {
      const args = ['-h', '127.0.0.1', '-p', String(port), '-U', 'vivarium', name];
      execFileSync(join(bin, 'createdb'), args, { stdio: 'pipe' });
      return url(name);
    },
    // SIGQUIT ends every process of the server at once, without saving anything: what a power cut would do.
    crash: () => stop('SIGQUIT'),
    start,
    close: async () => {
      await stop('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function unprivileged(): { uid: number; gid: number } {
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  const [uid, gid] = [id('-u'), id('-g')];
  return uid > 0 ? { uid, gid } : { uid: 65_534, gid: 65_534 };
}
