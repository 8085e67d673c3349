import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createBLAKE3 } from 'hash-wasm';
import type { Report } from '../figure.ts';
import { database, pullTo, pushFrom, timed } from './sources.ts';

const ROUNDS = 3;
const PEER = 'cp -r of the same chunks, and hashing them';

/** Local push and pull of 10,000 sources of 8 KB, each against a copy of the chunks; the best of three rounds each. */
export async function localTransfers(report: Report, folder: string): Promise<void> {
  const { path } = database(folder, 10_000);
  const [packed, copied, restored] = ['packed', 'copied', 'restored.db'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const hash = await hashing(path);
  const best = { push: Number.POSITIVE_INFINITY, pull: Number.POSITIVE_INFINITY, peer: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    for (const left of [packed, copied, restored]) rmSync(left, { recursive: true, force: true });
    const pushed = await timed(() => pushFrom(path, packed));
    const peer = await timed(() => {
      execFileSync('cp', ['-r', join(packed, 'objects'), copied]);
      hash();
    });
    const pulled = await timed(() => pullTo(restored, packed));
    best.push = Math.min(best.push, pushed.ms);
    best.pull = Math.min(best.pull, pulled.ms);
    best.peer = Math.min(best.peer, peer.ms);
  }
  const figure = (name: string, ms: number) => {
    const value = ms / best.peer;
    report({ figure: name, value, unit: 'times', peer: PEER, goal: 'at most 2', holds: value <= 2 });
  };
  figure('local push of 10,000 sources of 8 KB', best.push);
  figure('local pull of 10,000 sources of 8 KB', best.pull);
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
