// One folder for a run of the suite: its files share an artifact cache, so that a component which several of them load is built once.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-run-'));
  process.env.VIVARIUM_TEST_FOLDER = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
