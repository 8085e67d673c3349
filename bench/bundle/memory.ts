import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import type { Report } from '../figure.ts';

const PROGRAM = fileURLToPath(new URL('../../test/support/bundle-memory.ts', import.meta.url));
const [SMALL, LARGE] = [100, 1024];

/** The most memory that packing and restoring takes, at 100 MiB of sources of 1 MiB each and at 1 GiB. */
export async function memory(report: Report, folder: string): Promise<void> {
  mkdirSync(folder);
  const [small, large] = [peak(folder, SMALL), peak(folder, LARGE)];
  const value = large / small;
  report({
    figure: `peak memory of push and pull of ${LARGE} MiB (${Math.round(large)} MiB)`,
    value,
    unit: 'times',
    peer: `the same of ${SMALL} MiB`,
    goal: 'at most 1.25',
    holds: value <= 1.25,
  });
}

function peak(folder: string, megabytes: number): number {
  const work = join(folder, String(megabytes));
  mkdirSync(work);
  const path = join(work, 'in.db');
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF');
  database.exec('CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB); BEGIN');
  const insert = database.prepare("INSERT INTO _source VALUES (?1, ?1, 'go', randomblob(1048576))");
  for (let index = 0; index < megabytes; index++) insert.run(`file-${index}`);
  database.exec('COMMIT');
  database.close();
  const out = execFileSync(process.execPath, [PROGRAM, path, join(work, 'packed'), join(work, 'restored.db')]);
  rmSync(work, { recursive: true, force: true });
  return Number(out.toString()) / 2 ** 20;
}
