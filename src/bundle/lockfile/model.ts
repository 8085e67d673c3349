import { shownText } from '#core/text';
import { blake3 } from '../blake3.ts';
import { BundleError } from '../errors.ts';

export const SCHEMA_VERSION = '0.1.0';

/** A lockfile lists the sources of a bundle, and for each the chunk that contains it. */
export interface Lockfile {
  readonly meta: LockfileMeta;
  readonly sources: readonly SourceEntry[];
  readonly topology: readonly TopologyEdge[];
  /** BLAKE3 over the concatenated chunk hashes (32 bytes each) in the order of `sources`. */
  readonly root: string;
}

export interface LockfileMeta {
  readonly producer: string;
  readonly producerVersion: string;
  readonly schemaVersion: string;
  readonly inputProcessors: readonly ProcessorVersion[];
  /** Milliseconds since 1970, at most 2^53 - 1. */
  readonly generatedAtMs: number;
}

export interface ProcessorVersion {
  readonly kind: string;
  readonly version: string;
}

/** Hashes are BLAKE3-256 as 64 lower-case hex digits. */
export interface SourceEntry {
  /** A relative path with `/`, which never leaves its starting folder. */
  readonly path: string;
  /** The hash of the raw input without any normalisation. */
  readonly inputHash: string;
  readonly chunkHash: string;
  readonly kind: string;
}

export interface TopologyEdge {
  readonly from: string;
  readonly toSource: string;
}

/** The input processor that records the shape of our chunks (docs/chunk-shape.md). */
export const SHAPE_PROCESSOR = 'vivarium-chunk-shape';

const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 1024;
const HASH = /^[0-9a-f]{64}$/;

/** Returns why `path` is not allowed in a lockfile, or `undefined` if it is. */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'is empty';
  // The length in UTF-16 units is a lower bound of the length in bytes, so a path of a megabyte is refused without
  // encoding it.
  if (path.length > MAX_PATH_BYTES || Buffer.byteLength(path) > MAX_PATH_BYTES) {
    return `is longer than ${MAX_PATH_BYTES} bytes`;
  }
  if (path.includes('\0')) return 'has a NUL character';
  if (!path.isWellFormed()) return 'has half a surrogate pair';
  if (/^(?:[/\\]|[A-Za-z]:[/\\])/.test(path)) return 'is absolute';
  if (path.split(/[/\\]/).includes('..')) return 'leaves its folder by ".."';
  return undefined;
}

/** Computes the root of a list of sources. */
export async function rootOf(sources: readonly SourceEntry[]): Promise<string> {
  const hashes = Buffer.allocUnsafe(sources.length * 32);
  for (const [index, { chunkHash }] of sources.entries()) hashes.write(chunkHash, index * 32, 32, 'hex');
  return blake3(hashes);
}

/**
 * Refuses a lockfile whose hashes, paths, versions or root are wrong, whoever wrote it.
 * @throws {BundleError} `BUNDLE_INVALID_LOCKFILE`, `BUNDLE_UNSUPPORTED_VERSION`
 */
export async function checkLockfile(lockfile: Lockfile): Promise<Lockfile> {
  const { meta, sources, topology, root } = lockfile;
  if (meta.schemaVersion !== SCHEMA_VERSION) {
    throw new BundleError(
      'BUNDLE_UNSUPPORTED_VERSION',
      `the lockfile's schema version is ${shownText(meta.schemaVersion)}, but this Vivarium reads ${SCHEMA_VERSION}; use a version of Vivarium that knows it`,
    );
  }
  if (!PRODUCER.test(meta.producer)) throw invalid(`the producer ${shownText(meta.producer)} is not a name`);
  name('the producer version', meta.producerVersion);
  if (!Number.isSafeInteger(meta.generatedAtMs) || meta.generatedAtMs < 0) {
    throw invalid(`the time ${meta.generatedAtMs} is not a number of milliseconds below 2^53`);
  }
  for (const { kind, version } of meta.inputProcessors) {
    name('an input processor', kind);
    name(`the version of ${shownText(kind)}`, version);
  }
  const seen = new Set<string>();
  for (const { path, inputHash, chunkHash, kind } of sources) {
    const problem = pathProblem(path);
    if (problem !== undefined) throw invalid(`the path ${shownText(path)} ${problem}`);
    if (seen.has(path)) throw invalid(`the path ${shownText(path)} occurs twice`);
    seen.add(path);
    if (!HASH.test(inputHash) || !HASH.test(chunkHash))
      throw invalid(`a hash of ${shownText(path)} is not of 32 bytes`);
    name(`the kind of ${shownText(path)}`, kind);
  }
  for (const { from, toSource } of topology) {
    name('the start of an edge', from, MAX_PATH_BYTES);
    name('the end of an edge', toSource, MAX_PATH_BYTES);
  }
  if (!HASH.test(root)) throw invalid('the root is not of 32 bytes');
  if (followsOurRule(lockfile) && !(await rootIsRight(lockfile))) {
    throw invalid(`the root is ${shownText(root)}, but the chunk hashes give ${await rootOf(sources)}`);
  }
  return lockfile;
}

/**
 * Whether the root is the hash of the chunks' hashes. Other producers may have their own rules, which are unknown here.
 */
export async function rootIsRight({ root, sources }: Lockfile): Promise<boolean> {
  return root === (await rootOf(sources));
}

function followsOurRule(lockfile: Lockfile): boolean {
  return lockfile.meta.producer === 'mache' || isOurs(lockfile);
}

/** Whether Vivarium wrote the lockfile, for any producer. It then names itself. */
function isOurs({ meta }: Lockfile): boolean {
  return meta.producer === 'vivarium' || meta.inputProcessors.some(({ kind }) => kind === SHAPE_PROCESSOR);
}

/**
 * Replaces the paths in another program's lockfile by valid ones. mache copies the path of a row: an empty one if the
 * row has none, and an absolute one of the machine that packed.
 */
export function settlePaths(lockfile: Lockfile): Lockfile {
  if (isOurs(lockfile)) return lockfile;
  const sources = lockfile.sources.map((source, index) => {
    if (source.path === '') return { ...source, path: `chunk_${index}` };
    return source.path.startsWith('/') ? { ...source, path: source.path.slice(1) } : source;
  });
  return { ...lockfile, sources };
}

/** A producer's name becomes a file name (`<producer>.lock.bin`) and the first part of an OCI repository. */
export const PRODUCER: RegExp = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;

function name(what: string, text: string, limit = MAX_NAME_BYTES): void {
  if (text.length > limit || Buffer.byteLength(text) > limit) throw invalid(`${what} is longer than ${limit} bytes`);
  if (!text.isWellFormed()) throw invalid(`${what} has half a surrogate pair`);
  if (text.includes('\0')) throw invalid(`${what} has a NUL character`);
}

export function invalid(what: string, cause?: unknown): BundleError {
  return new BundleError('BUNDLE_INVALID_LOCKFILE', `${what}: the lockfile is damaged or hostile; get it again`, {
    cause,
  });
}
