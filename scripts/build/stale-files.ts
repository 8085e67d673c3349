import { globSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/** The files that the compiler makes of the sources in a folder, relative to the folder that it writes to. */
export function compiledFilesOf(sources: string): readonly string[] {
  return globSync('**/*.ts', { cwd: sources, exclude: (path) => path.endsWith('.d.ts') }).flatMap((path) => {
    const stem = path.split(sep).join('/').slice(0, -'.ts'.length);
    return [`${stem}.js`, `${stem}.d.ts`];
  });
}

/**
 * Removes what earlier builds left in a folder: files that this build did not make, and folders that are empty then. This is
 * the last step, so that whoever reads the folder meanwhile finds each file that both builds make.
 * @param made the files of this build, relative to the folder, with forward slashes
 */
export function removeStaleFiles(folder: string, made: ReadonlySet<string>): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path
      .slice(join(folder).length + 1)
      .split(sep)
      .join('/');
    if (entry.isDirectory() || made.has(name)) continue;
    rmSync(path);
    removeEmpty(dirname(path), join(folder));
  }
}

function removeEmpty(folder: string, root: string): void {
  if (folder === root || readdirSync(folder).length > 0) return;
  rmdirSync(folder);
  removeEmpty(dirname(folder), root);
}
