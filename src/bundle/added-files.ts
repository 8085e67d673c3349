import { type Dirent, opendirSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { shownPath } from '#core/text';
import { BundleError } from './errors.ts';
import type { SourceEntry } from './lockfile/model.ts';

/** A tree with more entries than this is not searched. */
const MAX_ENTRIES = 2_000_000;
const PAUSE_AFTER = 4_096;

/**
 * Finds files of a working tree that a lockfile does not name although it names files of the same kind: with the same
 * extension, or with the same name if there is no extension. Hidden folders, `node_modules`, links and the bundle's own
 * folder are skipped, unless a source is in them.
 *
 * @param root the tree's path without links
 * @param bundle the bundle's folder
 */
export async function addedFiles(root: string, sources: readonly SourceEntry[], bundle: string): Promise<string[]> {
  const known = new Set(sources.map(({ path }) => path));
  const kinds = new Set(sources.map(({ path }) => kindOf(path)));
  const folders = new Set(sources.flatMap(({ path }) => foldersOf(path)));
  const objects = join(await realpath(bundle).catch(() => bundle), 'objects');
  const added: string[] = [];
  const left = [''];
  let seen = 0;
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    for (const entry of entriesOf(join(root, folder))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (++seen > MAX_ENTRIES) throw tooMany(root);
      // A large tree must not block the event loop.
      if (seen % PAUSE_AFTER === 0) await setImmediate();
      if (entry.isFile() && !known.has(path) && kinds.has(kindOf(path))) added.push(path);
      if (!entry.isDirectory() || join(root, path) === objects) continue;
      const usual = !entry.name.startsWith('.') && entry.name !== 'node_modules';
      if (usual || folders.has(path)) left.push(path);
    }
  }
  return added.toSorted();
}

function kindOf(path: string): string {
  return extname(path) || basename(path);
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}

function* entriesOf(folder: string): Generator<Dirent> {
  let opened: ReturnType<typeof opendirSync>;
  try {
    opened = opendirSync(folder);
  } catch {
    // The producer could not read anything in an unreadable folder either.
    return;
  }
  try {
    for (let entry = opened.readSync(); entry !== null; entry = opened.readSync()) yield entry;
  } finally {
    opened.closeSync();
  }
}

function tooMany(root: string): BundleError {
  return new BundleError(
    'BUNDLE_TOO_LARGE',
    `${shownPath(root)} has more than ${MAX_ENTRIES} files; compare a smaller tree`,
  );
}
