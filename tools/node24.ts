import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * A Node 24, where one is at hand: the one that runs, the one that `VIVARIUM_NODE24` names, what `.ci/run` has fetched, or
 * what `npm i --prefix "$TMPDIR/vivarium-node24" node@24` has put in the folder for temporary files.
 */
export function node24(): string | undefined {
  if (process.versions.node.startsWith('24.')) return process.execPath;
  const project = fileURLToPath(new URL('../.ci/cache/node24', import.meta.url));
  const folders = [project, join(tmpdir(), 'vivarium-node24')];
  const installed = folders.map((folder) => join(folder, 'node_modules', 'node', 'bin', 'node'));
  return [process.env.VIVARIUM_NODE24, ...installed].find((path) => path !== undefined && existsSync(path));
}
