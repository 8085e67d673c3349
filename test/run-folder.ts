// One folder for a run of the suite: its files share an artifact cache, so that a component which several of them load is built once,
// and the programs that build, which are joined before.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinPrograms } from './support/joined-programs.ts';

export default async function setup(): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-run-'));
  process.env.VIVARIUM_TEST_FOLDER = folder;
  await joinPrograms(folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
