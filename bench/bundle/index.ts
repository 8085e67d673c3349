import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasProgram } from '../../tools/servers/docker-registry.ts';
import type { Report } from '../figure.ts';
import { localTransfers } from './local.ts';
import { memory } from './memory.ts';
import { manySources, remotePulls, remotePushes } from './remote.ts';

export async function run(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-bench-bundle-'));
  try {
    await localTransfers(report, join(folder, 'local'));
    await memory(report, join(folder, 'memory'));
    const missing = ['docker-registry', 'skopeo'].filter((program) => !hasProgram(program));
    if (missing.length > 0) {
      console.error(`not measured: transfers through a registry need ${missing.join(' and ')}`);
      return;
    }
    await remotePushes(report, join(folder, 'pushes'));
    await remotePulls(report, join(folder, 'pulls'));
    await manySources(report, join(folder, 'many'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
