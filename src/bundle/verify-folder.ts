import { lstat, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { shownPath, shownText } from '#core/text';
import { streamRegular } from '#files';
import { addedFiles } from './added-files.ts';
import { openBlake3 } from './blake3.ts';
import { ChunkStore } from './chunks/chunk-store.ts';
import { BundleError } from './errors.ts';
import { loadLockfile } from './lockfile/lockfile-file.ts';
import { rootIsRight, type SourceEntry } from './lockfile/model.ts';
import type { OnProgress } from './progress.ts';

export interface FolderCheck {
  readonly producer: string;
  readonly root: string;
  readonly rootChecked: boolean;
  readonly sources: number;
  readonly chunks: number;
  readonly bytes: number;
}

/**
 * Checks that every chunk of a bundle's folder exists and is right.
 * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, and as `loadLockfile`
 */
export async function verifyFolder(path: string, producer?: string, onProgress?: OnProgress): Promise<FolderCheck> {
  const { lockfile, folder } = await loadLockfile(path, producer);
  const store = new ChunkStore(folder);
  const hashes = new Set(lockfile.sources.map(({ chunkHash }) => chunkHash));
  let bytes = 0;
  let chunks = 0;
  for (const hash of hashes) {
    for await (const piece of store.stream(hash)) bytes += piece.length;
    chunks++;
    onProgress?.({ step: 'check', chunks, totalChunks: hashes.size, bytes });
  }
  const { meta, root, sources } = lockfile;
  const rootChecked = await rootIsRight(lockfile);
  return { producer: meta.producer, root, rootChecked, sources: sources.length, chunks, bytes };
}

export interface TreeCheck {
  readonly producer: string;
  readonly root: string;
  readonly fresh: number;
  /** Sources whose file has other bytes. */
  readonly changed: readonly string[];
  /** Sources without a file. */
  readonly absent: readonly string[];
  /** Files of the same kinds that are not sources. */
  readonly added: readonly string[];
}

/**
 * Compares a lockfile with a working tree. The input is hashed first. If it differs, the file may still equal the chunk
 * itself (a lockfile whose inputs were normalised). A chunk in the folder must be right in any case.
 *
 * @throws {BundleError} `BUNDLE_CHUNK_CORRUPT`, and as `loadLockfile`
 */
export async function verifyTree(path: string, tree: string, producer?: string): Promise<TreeCheck> {
  const { lockfile, folder } = await loadLockfile(path, producer);
  const store = new ChunkStore(folder);
  const root = await realpath(tree).catch((cause: unknown) => {
    throw new BundleError('BUNDLE_NOT_FOUND', `there is no folder ${shownPath(tree)}`, { cause });
  });
  const changed: string[] = [];
  const absent: string[] = [];
  for (const entry of lockfile.sources) {
    const found = await hashOfFile(root, entry);
    if (found === undefined) absent.push(entry.path);
    else if (found !== entry.inputHash && found !== entry.chunkHash) {
      changed.push(entry.path);
      if ((await store.check(entry.chunkHash)) === 'corrupt') await store.read(entry.chunkHash);
    }
  }
  const fresh = lockfile.sources.length - changed.length - absent.length;
  const added = await addedFiles(root, lockfile.sources, folder);
  return { producer: lockfile.meta.producer, root: lockfile.root, fresh, changed, absent, added };
}

/** @throws {BundleError} `BUNDLE_STALE` unless every source is as the lockfile says and there are no new files */
export function refuseStale({ changed, absent, added }: TreeCheck): void {
  if (changed.length + absent.length + added.length === 0) return;
  const names = [...changed, ...absent, ...added]
    .slice(0, 5)
    .map((each) => shownText(each))
    .join(', ');
  throw new BundleError(
    'BUNDLE_STALE',
    `the lockfile is older than the working tree: ${changed.length} sources changed, ${absent.length} are gone, ${added.length} were added (${names}); push again`,
    { details: { changed: changed.length, absent: absent.length, added: added.length } },
  );
}

async function hashOfFile(root: string, { path }: SourceEntry): Promise<string | undefined> {
  const file = join(root, path);
  // A path in a hostile lockfile may lead through links out of the tree, or to a device that never ends.
  if ((await realpath(file).catch(() => undefined)) !== file || !(await lstat(file)).isFile()) return undefined;
  const hasher = await openBlake3();
  for await (const piece of streamRegular(file, { links: 'refuse' })) hasher.update(piece);
  return hasher.digest();
}
