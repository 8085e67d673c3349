import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createBLAKE3 } from 'hash-wasm';
import type { Report } from '../figure.ts';
import { database, pullTo, pushFrom, timed } from './sources.ts';

const ROUNDS = 7;
const PEER = 'cp -r of the same chunks, and hashing them';

/** Local push and pull of 10,000 sources of 8 KB, each against a copy of the chunks; the medians of what the rounds give. */
export async function localTransfers(report: Report, folder: string): Promise<void> {
  const { path } = database(folder, 10_000);
  const hash = await hashing(path);
  const push: number[] = [];
  const pull: number[] = [];
  // In the first round the file system finds room for so many files; nobody counts it.
  for (let round = 0; round <= ROUNDS; round++) {
    // Nothing is deleted before the end: a disk that is still at that would be slow for who comes next.
    const [packed, copied, restored] = ['packed', 'copied', 'restored'].map((name) => join(folder, `${name}-${round}`));
    const pushed = await settled(() => pushFrom(path, packed as string));
    const peer = await settled(() => {
      execFileSync('cp', ['-r', join(packed as string, 'objects'), copied as string]);
      hash();
    });
    const pulled = await settled(() => pullTo(restored, packed as string));
    if (round === 0) continue;
    push.push(pushed / peer);
    pull.push(pulled / peer);
  }
  const figure = (name: string, ratios: number[]) => {
    const value = ratios.toSorted((a, b) => a - b)[ROUNDS >> 1] as number;
    report({ figure: name, value, unit: 'times', peer: PEER, goal: 'at most 2', holds: value <= 2 });
  };
  figure('local push of 10,000 sources of 8 KB', push);
  figure('local pull of 10,000 sources of 8 KB', pull);
}

/** The milliseconds of `task`, after everything that was written before is on the disk. */
async function settled(task: () => unknown): Promise<number> {
  execFileSync('sync');
  return (await timed(task)).ms;
}

/** Hashes every source by BLAKE3; the bytes are in memory already, as they are for whoever copies. */
async function hashing(path: string): Promise<() => void> {
  using source = new DatabaseSync(path, { readOnly: true });
  const contents = source
    .prepare('SELECT content FROM _source')
    .all()
    .map(({ content }) => content as Uint8Array);
  const hasher = await createBLAKE3();
  return () => {
    for (const content of contents) hasher.init().update(content).digest('hex');
  };
}
