import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ArtifactKey } from '#core/ports/artifact';
import { readRegularSync } from '#files';
import { isDigest, isProfileId } from './keys.ts';
import { formatFolder, profileFolders } from './layout.ts';

/** How many files are read before other work may run: a few milliseconds' worth. */
const SLICE = 64;

/** One name in a profile's `artifacts` folder. */
export interface FoundFile {
  readonly path: string;
  /** The key of the entry to which the name belongs; undefined for a foreign file. */
  readonly key: ArtifactKey | undefined;
  readonly kind: 'artifact' | 'metadata' | 'foreign';
}

/** Lists the ids of the profiles that have a folder, and foreign names beside them. */
export function listProfiles(root: string): { readonly ids: readonly string[]; readonly foreign: readonly string[] } {
  const folder = formatFolder(root);
  const names = namesIn(folder);
  return {
    ids: names.filter((name) => isProfileId(name) && statOf(join(folder, name))?.isDirectory()),
    foreign: names
      .filter((name) => !isProfileId(name) || !statOf(join(folder, name))?.isDirectory())
      .map((name) => join(folder, name)),
  };
}

export function listArtifacts(root: string, engineProfileId: string): readonly FoundFile[] {
  const { artifacts } = profileFolders(root, engineProfileId);
  return namesIn(artifacts).map((name) => {
    const path = join(artifacts, name);
    const [, hex, extension] = /^([0-9a-f]{64})\.(viva|json)$/.exec(name) ?? [];
    const wasmDigest = `sha256:${hex}`;
    if (!isDigest(wasmDigest)) return { path, key: undefined, kind: 'foreign' };
    return { path, key: { engineProfileId, wasmDigest }, kind: extension === 'viva' ? 'artifact' : 'metadata' };
  });
}

/** Lists leftovers of interrupted writers and builders, selected by the age of their files in milliseconds. */
export function listLeftovers(root: string, engineProfileId: string, now: number, olderThanMs: number): string[] {
  const { tmp, locks } = profileFolders(root, engineProfileId);
  return [tmp, locks]
    .flatMap((folder) => namesIn(folder).map((name) => join(folder, name)))
    .filter((path) => {
      const stat = statOf(path);
      // A time far in the future comes from a wrong clock, so nobody is writing that file now either.
      return stat !== undefined && Math.abs(now - stat.mtimeMs) > olderThanMs;
    });
}

/**
 * Runs `each` over all items with pauses for other work. Thousands of small reads are fastest without waiting for each.
 */
export async function inSlices<T>(all: readonly T[], each: (item: T) => void): Promise<void> {
  for (const [index, item] of all.entries()) {
    if (index % SLICE === SLICE - 1) await setImmediate();
    each(item);
  }
}

export function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** Returns the text of a small file, or undefined. */
export function textOfFile(path: string, maxBytes: number): string | undefined {
  try {
    return readRegularSync(path, maxBytes, { links: 'refuse' }).toString('utf8');
  } catch {
    return undefined;
  }
}

function namesIn(folder: string): string[] {
  try {
    return statOf(folder)?.isDirectory() ? readdirSync(folder) : [];
  } catch {
    return [];
  }
}
