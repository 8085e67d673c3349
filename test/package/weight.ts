import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** What a folder, packages of this repository, and all that they depend on take on the disk, in MB as `du -sm` counts them. */
export function megabytesWith(names: readonly string[], own: string): number {
  const folders = new Set<string>();
  const add = (name: string, from: string): void => {
    const folder = [from, ROOT].map((each) => join(each, 'node_modules', name)).find((each) => existsSync(each));
    // A package for another kind of machine is nowhere.
    if (folder === undefined || folders.has(folder)) return;
    folders.add(folder);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    for (const each of Object.keys({ ...dependencies, ...optionalDependencies })) add(each, folder);
  };
  for (const name of names) add(name, ROOT);
  const counted = new Set<number>();
  const bytes = [own, ...folders].reduce((sum, folder) => sum + bytesOnDisk(folder, counted), 0);
  return Math.ceil(bytes / 2 ** 20);
}

/** @param counted the inodes so far: a file with two names counts once */
function bytesOnDisk(path: string, counted: Set<number>): number {
  const found = lstatSync(path);
  if (counted.has(found.ino)) return 0;
  counted.add(found.ino);
  const below = found.isDirectory() ? readdirSync(path).filter((name) => name !== 'node_modules') : [];
  return below.reduce((sum, name) => sum + bytesOnDisk(join(path, name), counted), found.blocks * 512);
}
