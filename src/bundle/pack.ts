import type { Clock } from '#core/ports/clock';
import { ChunkStore } from './chunks/chunk-store.ts';
import { ChunkWriter } from './chunks/chunk-writer.ts';
import type { Digests } from './digest.ts';
import { BundleError } from './errors.ts';
import { saveLockfile, timeInFolder } from './lockfile/lockfile-file.ts';
import { checkLockfile, type Lockfile, rootOf, SCHEMA_VERSION, type SourceEntry } from './lockfile/model.ts';
import type { OnProgress } from './progress.ts';
import type { BundleSource } from './sources/bundle-source.ts';

export interface PackOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Refuses a source of which something would be left out. */
  readonly strict?: boolean;
  /** Sets the lockfile's time, in milliseconds since 1970. */
  readonly generatedAtMs?: number;
  /**
   * Returns an earlier lockfile, whose time is kept if its root is the same. It is called if the folder's lockfile has
   * another root.
   */
  readonly previous?: () => Promise<Lockfile | undefined>;
  /** Computes the chunks' SHA-256 too, which a registry needs. */
  readonly withSha256?: boolean;
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
  /** The digests by BLAKE3, filled only if the SHA-256 was requested. */
  readonly digests: ReadonlyMap<string, Digests>;
  /** The binary lockfile. */
  readonly encoded: Uint8Array;
}

/**
 * Packs a source into a folder: chunks first and the lockfile last, so that a lockfile never names a missing chunk. The
 * same source gives the same bytes.
 *
 * @throws {BundleError} `BUNDLE_EMPTY`, `BUNDLE_LEFT_OUT`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_STORAGE_FAILED` and the
 * source's own
 */
export async function pack(source: BundleSource, folder: string, options: PackOptions): Promise<PackReport> {
  refuseLeftOut(source, options);
  const total = await source.count();
  const writer = new ChunkWriter(folder, { withSha256: options.withSha256 === true });
  const digests = new Map<string, Digests>();
  await new ChunkStore(folder).sweep(options.clock);
  const sources: SourceEntry[] = [];
  const sum = { bytes: 0, chunksAdded: 0, bytesAdded: 0 };
  try {
    for await (const { path, kind, inputHash, chunk } of source.sources()) {
      options.signal?.throwIfAborted();
      const written = chunk instanceof Uint8Array ? await writer.put(chunk) : await writer.putStream(chunk);
      sources.push({ path, inputHash: inputHash ?? written.hash, chunkHash: written.hash, kind });
      sum.bytes += written.bytes;
      const { hash, bytes, sha256 } = written;
      if (sha256 !== undefined) digests.set(hash, { blake3: hash, sha256, bytes });
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
  const encoded = await saveLockfile(folder, lockfile);
  return { lockfile, folder, chunks: sources.length, ...sum, leftOut: source.leftOut, digests, encoded };
}

async function describe(
  source: BundleSource,
  sources: readonly SourceEntry[],
  folder: string,
  options: PackOptions,
): Promise<Lockfile> {
  const { producer, producerVersion, inputProcessors } = source;
  const meta = { producer, producerVersion, schemaVersion: SCHEMA_VERSION, inputProcessors, generatedAtMs: 0 };
  const undated = { meta, sources, topology: source.topology(), root: await rootOf(sources) };
  const time = options.generatedAtMs ?? (await previousTime(undated, folder, options));
  return checkLockfile({ ...undated, meta: { ...meta, generatedAtMs: time ?? options.clock.now() } });
}

async function previousTime(
  lockfile: Lockfile,
  folder: string,
  { previous }: PackOptions,
): Promise<number | undefined> {
  const here = await timeInFolder(folder, lockfile);
  if (here !== undefined) return here;
  const there = await previous?.();
  return there?.root === lockfile.root ? there.meta.generatedAtMs : undefined;
}

function refuseLeftOut(source: BundleSource, { strict }: PackOptions): void {
  if (strict !== true || source.leftOut.length === 0) return;
  const more = source.leftOut.length > 5 ? ` and ${source.leftOut.length - 5} more` : '';
  throw new BundleError(
    'BUNDLE_LEFT_OUT',
    `not all of the source can be carried: ${source.leftOut.slice(0, 5).join('; ')}${more}; push without --strict to leave it out`,
  );
}
