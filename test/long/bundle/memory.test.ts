import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const MEMORY = new URL('../../support/bundle-memory.ts', import.meta.url).pathname;

it('a bundle takes no more memory at a gigabyte than at a tenth of it', () => {
  using folder = temporaryFolder();
  const peak = (megabytes: number) => {
    const path = folder.at(`${megabytes}.db`);
    const database = new DatabaseSync(path);
    database.exec(
      'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE _source (id TEXT PRIMARY KEY, path TEXT, language TEXT, content BLOB); BEGIN',
    );
    const insert = database.prepare('INSERT INTO _source VALUES (?, ?, ?, randomblob(1048576))');
    for (let index = 0; index < megabytes; index++) insert.run(`f${index}`, `f${index}`, 'go');
    database.exec('COMMIT');
    database.close();
    expect(statSync(path).size).toBeGreaterThan(megabytes * 2 ** 20);
    const folders = [folder.at(`${megabytes}`), folder.at(`${megabytes}-restored.db`)];
    // Bounded here, because nothing else can end a test that waits synchronously.
    const out = execFileSync(process.execPath, [MEMORY, path, ...folders], { timeout: 300_000 });
    return Number(out.toString()) / 2 ** 20;
  };
  const [small, large] = [peak(100), peak(1024)];
  console.log(`peak memory: ${Math.round(small)} MiB at 100 MiB, ${Math.round(large)} MiB at 1 GiB`);
  expect(large).toBeLessThan(small + 64);
});
