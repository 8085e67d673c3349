import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { declaredShape, type PullReport, type PushReport, pull, push, SqliteSource, SqliteTarget } from '#bundle';
import { systemClock, systemRandom } from '../../src/system/clock.ts';
import { writeDatabase } from '../../tools/bundle/source-database.ts';

export const surroundings = { clock: systemClock, random: systemRandom };

/** A database of `count` sources of 8 KB that cannot be compressed; `changed` gives one of them other bytes. */
export function database(folder: string, count: number): { path: string; change: () => string } {
  mkdirSync(folder, { recursive: true });
  const sources = Array.from({ length: count }, (_, index) => ({
    id: `src/file-${index}.go`,
    path: `src/file-${index}.go`,
    language: 'go',
    content: randomBytes(8_000),
  }));
  const path = join(folder, 'in.db');
  writeDatabase(path, { sources });
  return {
    path,
    change: () => {
      const other = join(folder, 'changed.db');
      const [first, ...others] = sources;
      if (first !== undefined)
        writeDatabase(other, { sources: [{ ...first, content: randomBytes(8_000) }, ...others] });
      return other;
    },
  };
}

type Remote = { readonly url: string; readonly scope: string };

export async function pushFrom(path: string, folder: string, remote?: Remote): Promise<PushReport> {
  const source = await SqliteSource.open({ clock: systemClock, path, producerVersion: 'bench' });
  try {
    return await push({ source, folder, ...surroundings, ...(remote && { remote: { ...remote, tag: 'latest' } }) });
  } finally {
    await source.close();
  }
}

export function pullTo(path: string | undefined, folder: string, remote?: Remote): Promise<PullReport> {
  return pull({
    producer: 'mache',
    folder,
    ...surroundings,
    ...(remote && { remote: { ...remote, reference: 'latest' } }),
    ...(path !== undefined && {
      target: ({ meta }) => new SqliteTarget({ path, shape: declaredShape(meta), clock: systemClock }),
    }),
  });
}

/** How long `task` takes, in milliseconds, and what it gives. */
export async function timed<Result>(task: () => Result | Promise<Result>): Promise<{ ms: number; result: Result }> {
  const start = performance.now();
  const result = await task();
  return { ms: performance.now() - start, result };
}
