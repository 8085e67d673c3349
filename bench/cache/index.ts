import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildActor } from 'vivarium';
import { actor } from '../../test/support/actor-wat.ts';
import type { Report } from '../figure.ts';
import { sharedBuild } from './flights.ts';
import { diskHits, hashes, memoryHits } from './hits.ts';
import { manyEntries } from './many.ts';
import { starts } from './start.ts';

export async function run(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-bench-cache-'));
  try {
    const source = fileURLToPath(new URL('../../examples/hello/actor.ts', import.meta.url));
    const { file } = await buildActor(source, { output: join(folder, 'hello.wasm') });
    const small = await actor();
    await starts(report, folder, file);
    await memoryHits(report, file, small);
    await diskHits(report, folder, file);
    await hashes(report);
    await sharedBuild(report, folder);
    await manyEntries(report, folder, small);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
