import type { Clock } from '#core';
import { ChunkStore } from './chunks/chunk-store.ts';
import { ChunkWriter } from './chunks/chunk-writer.ts';
import { BundleError } from './errors.ts';
import { loadLockfile, saveLockfile } from './lockfile/lockfile-file.ts';
import { checkLockfile, type Lockfile, rootOf, SCHEMA_VERSION, type SourceEntry } from './lockfile/model.ts';
import type { OnProgress } from './progress.ts';
import type { BundleSource } from './sources/bundle-source.ts';

export interface PackOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Refuses a source of which something would be left out. */
  readonly strict?: boolean;
  /** Fixes the lockfile's time, in milliseconds since 1970. */
  readonly generatedAtMs?: number;
  /** A lockfile whose time is kept if its root is the same, beside the one that lies in the folder. */
  readonly previous?: Lockfile;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

export interface PackReport {
  readonly lockfile: Lockfile;
  readonly folder: string;
  readonly chunks: number;
  readonly chunksAdded: number;
  readonly bytes: number;
  readonly bytesAdded: number;
  readonly leftOut: readonly string[];
}

/**
 * Packs a source into a folder: chunks first, lockfile last, so that a lockfile never names a chunk that is not there.
 * The same source gives the same bytes.
 *
 * @throws {BundleError} `BUNDLE_EMPTY`, `BUNDLE_LEFT_OUT`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_STORAGE_FAILED` and the source's own
 */
export async function pack(source: BundleSource, folder: string, options: PackOptions): Promise<PackReport> {
  refuseLeftOut(source, options);
  const total = await source.count();
  const writer = new ChunkWriter(folder);
  await new ChunkStore(folder).sweep(options.clock);
  const sources: SourceEntry[] = [];
  const sum = { bytes: 0, chunksAdded: 0, bytesAdded: 0 };
  try {
    for await (const { path, kind, inputHash, chunk } of source.sources()) {
      options.signal?.throwIfAborted();
      const written = chunk instanceof Uint8Array ? await writer.put(chunk) : await writer.putStream(chunk);
      sources.push({ path, inputHash: inputHash ?? written.hash, chunkHash: written.hash, kind });
      sum.bytes += written.bytes;
      if (written.added) {
        sum.chunksAdded++;
        sum.bytesAdded += written.bytes;
      }
      options.onProgress?.({ step: 'pack', chunks: sources.length, totalChunks: total, bytes: sum.bytes });
    }
    refuseLeftOut(source, options);
    if (sources.length === 0) {
      throw new BundleError('BUNDLE_EMPTY', 'there is nothing to pack: no source with content; see what was left out');
    }
    await writer.flush();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  const lockfile = await describe(source, sources, folder, options);
  await saveLockfile(folder, lockfile);
  return { lockfile, folder, chunks: sources.length, ...sum, leftOut: source.leftOut };
}

async function describe(
  source: BundleSource,
  sources: readonly SourceEntry[],
  folder: string,
  options: PackOptions,
): Promise<Lockfile> {
  const root = await rootOf(sources);
  const candidates = [
    await loadLockfile(folder, source.producer)
      .then(({ lockfile }) => lockfile)
      .catch(() => undefined),
    options.previous,
  ];
  const previous = candidates.find((candidate) => candidate?.root === root);
  return checkLockfile({
    meta: {
      producer: source.producer,
      producerVersion: source.producerVersion,
      schemaVersion: SCHEMA_VERSION,
      inputProcessors: source.inputProcessors,
      generatedAtMs: options.generatedAtMs ?? previous?.meta.generatedAtMs ?? options.clock.now(),
    },
    sources,
    topology: source.topology(),
    root,
  });
}

function refuseLeftOut(source: BundleSource, { strict }: PackOptions): void {
  if (strict !== true || source.leftOut.length === 0) return;
  const more = source.leftOut.length > 5 ? ` and ${source.leftOut.length - 5} more` : '';
  throw new BundleError(
    'BUNDLE_LEFT_OUT',
    `not all of the source can be carried: ${source.leftOut.slice(0, 5).join('; ')}${more}; push without --strict to leave it out`,
  );
}
