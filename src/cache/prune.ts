import { rmdirSync, rmSync } from 'node:fs';
import { rm, unlink } from 'node:fs/promises';
import pLimit from 'p-limit';
import { messageOf } from '#core/errors';
import type { ArtifactKey } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import { codeOf } from './files.ts';
import { textOf } from './keys.ts';
import { metadataFile, profileFile, profileFolders } from './layout.ts';
import { MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';
import { inSlices, listArtifacts, listLeftovers, listProfiles, statOf, textOfFile } from './scan.ts';

export interface PruneOptions {
  /** The most bytes of all entries; the configuration's `maxDiskBytes` by default. */
  readonly maxBytes?: number | undefined;
  /** Entries that were not used for this many milliseconds are deleted whatever the size. */
  readonly maxAge?: number | undefined;
  /** Profiles whose entries are all kept. */
  readonly keepProfiles?: readonly string[] | undefined;
  /** Reports what would be deleted, and deletes nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface PrunedEntry extends ArtifactKey {
  /** The bytes of the entry's two files. */
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly lastUsedAt: number;
  readonly why: 'age' | 'size';
}

export interface PruneReport {
  readonly dryRun: boolean;
  readonly removed: readonly PrunedEntry[];
  readonly removedBytes: number;
  readonly keptEntries: number;
  readonly keptBytes: number;
  /** The number of temporary files, locks and metadata files without an entry that nobody needs any more. */
  readonly leftovers: number;
  /** What could not be deleted; it counts as kept. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

export interface PruneSubject {
  readonly root: string;
  readonly clock: Clock;
  readonly maxDiskBytes: number;
  /** The profiles of this engine. Entries of other profiles are deleted first. */
  readonly ownProfiles: ReadonlySet<string>;
}

/** A leftover file that is older than this belongs to nobody any more. */
const LEFTOVER_MS = 3_600_000;

/** How many files are deleted at the same time. */
const AT_ONCE = 64;

interface Candidate {
  readonly key: ArtifactKey;
  readonly path: string;
  readonly bytes: number;
  readonly lastUsedAt: number;
}

/**
 * Deletes entries, those of other profiles first and the least recently used first, and leftovers of interrupted
 * writers.
 */
export async function pruneDisk(subject: PruneSubject, options: PruneOptions): Promise<PruneReport> {
  const { root, clock } = subject;
  const now = clock.now();
  const candidates: Candidate[] = [];
  const leftovers: string[] = [];
  const { ids } = listProfiles(root);
  for (const id of ids) {
    const files = listArtifacts(root, id);
    const there = new Set(files.flatMap(({ kind, key }) => (kind === 'artifact' && key ? [key.wasmDigest] : [])));
    await inSlices(files, ({ path, key, kind }) => {
      if (kind === 'artifact' && key !== undefined) candidates.push(candidateOf(root, key, path, now));
      if (kind !== 'metadata' || key === undefined || there.has(key.wasmDigest)) return;
      const age = now - (statOf(path)?.mtimeMs ?? now);
      if (Math.abs(age) > LEFTOVER_MS) leftovers.push(path);
    });
    leftovers.push(...listLeftovers(root, id, now, LEFTOVER_MS));
  }
  const failed: { path: string; reason: string }[] = [];
  const remove = async (path: string): Promise<boolean> => {
    try {
      if (!options.dryRun) await removeFile(path);
      return true;
    } catch (error) {
      failed.push({ path, reason: messageOf(error) });
      return false;
    }
  };
  // Deleting waits for the disk, which takes much less time for many files at once than one after the other.
  const limit = pLimit(AT_ONCE);
  const outcomes = await limit.map(choose(candidates, subject, options, now), async (chosen) => {
    const gone = (await remove(chosen.path)) && (await remove(metadataFile(root, chosen.key)));
    const { key, bytes, lastUsedAt, why } = chosen;
    return gone ? { ...key, bytes, lastUsedAt, why } : undefined;
  });
  const removed: readonly PrunedEntry[] = outcomes.filter((entry) => entry !== undefined);
  const cleared = (await limit.map(leftovers, remove)).filter(Boolean).length;
  if (!options.dryRun) for (const id of ids) if (!subject.ownProfiles.has(id)) removeIfEmpty(root, id);
  const total = candidates.reduce((sum, { bytes }) => sum + bytes, 0);
  const removedBytes = removed.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    dryRun: options.dryRun ?? false,
    removed,
    removedBytes,
    keptEntries: candidates.length - removed.length,
    keptBytes: total - removedBytes,
    leftovers: cleared,
    failed,
  };
}

function candidateOf(root: string, key: ArtifactKey, path: string, now: number): Candidate {
  const stat = statOf(path);
  const text = textOfFile(metadataFile(root, key), MAX_METADATA_BYTES);
  const metadata = text === undefined ? undefined : parseMetadata(text);
  const own = metadata !== undefined && textOf(metadata) === textOf(key) ? metadata : undefined;
  return {
    key,
    path,
    bytes: (stat?.size ?? 0) + (text === undefined ? 0 : Buffer.byteLength(text)),
    // A time in the future comes from a clock that was set back since, and must not keep an entry for ever.
    lastUsedAt: Math.min(now, own?.lastUsedAt ?? stat?.mtimeMs ?? 0),
  };
}

function choose(
  candidates: readonly Candidate[],
  { ownProfiles, maxDiskBytes }: PruneSubject,
  { maxBytes = maxDiskBytes, maxAge = Number.POSITIVE_INFINITY, keepProfiles = [] }: PruneOptions,
  now: number,
): (Candidate & { readonly why: PrunedEntry['why'] })[] {
  const kept = new Set(keepProfiles);
  const rank = ({ key }: Candidate): number => (ownProfiles.has(key.engineProfileId) ? 1 : 0);
  const order = candidates
    .filter(({ key }) => !kept.has(key.engineProfileId))
    .toSorted((a, b) => rank(a) - rank(b) || a.lastUsedAt - b.lastUsedAt);
  let total = candidates.reduce((sum, { bytes }) => sum + bytes, 0);
  const old = order
    .filter(({ lastUsedAt }) => now - lastUsedAt > maxAge)
    .map((one) => ({ ...one, why: 'age' as const }));
  for (const { bytes } of old) total -= bytes;
  const young = order.filter(({ lastUsedAt }) => now - lastUsedAt <= maxAge);
  const chosen: (Candidate & { why: PrunedEntry['why'] })[] = [...old];
  for (const candidate of young) {
    if (total <= maxBytes) break;
    total -= candidate.bytes;
    chosen.push({ ...candidate, why: 'size' });
  }
  return chosen;
}

/** Deletes a file in one step. Anything else in a file's place takes more steps. */
async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') await rm(path, { force: true, recursive: true });
  }
}

/** Removes the folders of an unused profile. A writer that comes at this moment makes them anew. */
function removeIfEmpty(root: string, engineProfileId: string): void {
  const { artifacts, locks, tmp, profile } = profileFolders(root, engineProfileId);
  try {
    for (const folder of [artifacts, locks, tmp]) if (statOf(folder) !== undefined) rmdirSync(folder);
    rmSync(profileFile(root, engineProfileId), { force: true });
    rmdirSync(profile);
  } catch {
    // The folder is not empty.
  }
}
