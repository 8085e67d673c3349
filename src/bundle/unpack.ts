import { ChunkStore } from './chunks/chunk-store.ts';
import type { Lockfile } from './lockfile/model.ts';
import type { OnProgress } from './progress.ts';
import type { BundleTarget } from './sources/bundle-source.ts';

export interface UnpackOptions {
  /** `false` trusts the folder: its chunks are not hashed, but their structure is still checked. Default `true`. */
  readonly verify?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface UnpackReport {
  readonly chunks: number;
  readonly bytes: number;
}

/**
 * Restores a bundle's folder into a target, which appears when all of it was right.
 * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_INVALID_CHUNK` and the target's own
 */
export async function unpack(
  lockfile: Lockfile,
  folder: string,
  target: BundleTarget,
  { verify = true, onProgress, signal }: UnpackOptions = {},
): Promise<UnpackReport> {
  const store = new ChunkStore(folder);
  let chunks = 0;
  let bytes = 0;
  try {
    for (const entry of lockfile.sources) {
      signal?.throwIfAborted();
      await target.restore(entry, async () => {
        const content = await store.read(entry.chunkHash, { verify });
        bytes += content.length;
        return content;
      });
      chunks++;
      onProgress?.({ step: 'restore', chunks, totalChunks: lockfile.sources.length, bytes });
    }
    await target.commit();
  } catch (error) {
    await target.abandon();
    throw error;
  }
  return { chunks, bytes };
}
