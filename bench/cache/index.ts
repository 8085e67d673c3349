import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { actor } from '../../tools/components/actor-wat.ts';
import type { Report } from '../figure.ts';
import { coldLoads } from './cold.ts';
import { sharedBuild } from './flights.ts';
import { diskHits, hashes, memoryHits } from './hits.ts';
import { importCost } from './import.ts';
import { manyEntries } from './many.ts';
import { quickJsComponent } from './quickjs-component.ts';
import { starts } from './start.ts';

export async function run(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-bench-cache-'));
  try {
    const file = await quickJsComponent(join(folder, 'hello.wasm'));
    const small = await actor();
    await importCost(report);
    await starts(report, folder, file);
    await coldLoads(report, folder, file);
    await memoryHits(report, file, small);
    await diskHits(report, folder, file);
    await hashes(report);
    await sharedBuild(report, folder);
    await manyEntries(report, folder, small);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
