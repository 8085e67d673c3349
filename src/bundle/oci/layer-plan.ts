import type { DigestMode } from '../digest.ts';
import type { Lockfile, SourceEntry } from '../lockfile/model.ts';
import { PACK_TYPE } from './chunk-pack.ts';
import { invalidManifest, type Layer, type Manifest } from './manifest.ts';

/** A blob that contains chunks of the bundle. */
export interface Part {
  readonly digest: string;
  readonly size: number;
  /** The chunk's BLAKE3, or `undefined` if only the bytes can tell. */
  readonly chunk: string | undefined;
  /** The chunks that a pack should contain; empty if nothing says which. */
  readonly pack?: readonly string[];
  /** A source of this chunk, for messages. */
  readonly path: string | undefined;
}

/**
 * Finds out which layer contains which chunk. Only the lockfile says what belongs to a bundle. Annotations, order and
 * repetition of layers are hints from whoever pushed it: an existing hint must be true, but none is required. A layer
 * that the lockfile does not name is ignored, because some producers push all files in their folder.
 *
 * @throws {BundleError} `BUNDLE_INVALID_MANIFEST` if a hint contradicts the lockfile, or a chunk has no layer
 */
export function planParts(manifest: Manifest, lockfile: Lockfile, mode: DigestMode): readonly Part[] {
  checkMeta(manifest, lockfile);
  const hints = new Hints(lockfile);
  const parts = new Map<string, Part>();
  const digestOf = new Map<string, string>();
  for (const [index, layer] of manifest.layers.entries()) {
    if (layer.mediaType === PACK_TYPE) continue;
    const chunk = chunkOf(layer, hints.of(layer, index), mode, hints.chunks, index);
    if (chunk === 'foreign') continue;
    const { digest, size } = layer;
    const same = parts.get(digest);
    if (same !== undefined && (same.size !== size || (chunk !== undefined && (same.chunk ?? chunk) !== chunk))) {
      throw invalidManifest(`describes one blob in two ways at layer ${index}`);
    }
    if (chunk !== undefined && (digestOf.get(chunk) ?? digest) !== digest) {
      throw invalidManifest(`gives one chunk two digests at layer ${index}`);
    }
    if (chunk !== undefined) digestOf.set(chunk, digest);
    const known = chunk ?? same?.chunk;
    parts.set(digest, { digest, size, chunk: known, path: known === undefined ? layer.path : hints.chunks.get(known) });
  }
  const found = [...parts.values(), ...packsOf(manifest, lockfile, digestOf)];
  if (found.every(({ chunk }) => chunk !== undefined)) {
    const bare = lockfile.sources.find(({ chunkHash }) => !digestOf.has(chunkHash));
    if (bare !== undefined) throw invalidManifest('has no layer for a source of its lockfile');
  }
  return found;
}

/** Packs contain, in order, the chunks that have no layer of their own. */
function packsOf({ layers }: Manifest, { sources }: Lockfile, alone: ReadonlyMap<string, string>): readonly Part[] {
  const packs = layers.filter(({ mediaType }) => mediaType === PACK_TYPE);
  if (packs.length === 0) return [];
  const rest = [...new Set(sources.map(({ chunkHash }) => chunkHash))].filter((hash) => !alone.has(hash));
  let at = 0;
  return packs.map(({ digest, size, count = 0 }) => {
    const pack = rest.slice(at, at + count);
    at += count;
    return { digest, size, chunk: undefined, path: undefined, pack };
  });
}

function checkMeta(manifest: Manifest, { meta }: Lockfile): void {
  const said = [manifest.producer, manifest.producerVersion, manifest.schemaVersion];
  const meant = [meta.producer, meta.producerVersion, meta.schemaVersion];
  if (said.some((value, index) => value !== undefined && value !== meant[index])) {
    throw invalidManifest('names another producer or version than its lockfile');
  }
}

/** The allowed values of annotations: the paths and kinds of the lockfile. */
class Hints {
  /** The path of one source for each chunk. */
  readonly chunks: ReadonlyMap<string, string>;
  readonly #byPath: ReadonlyMap<string, SourceEntry>;

  constructor({ sources }: Lockfile) {
    this.chunks = new Map(sources.map(({ chunkHash, path }) => [chunkHash, path]));
    this.#byPath = new Map(sources.map((source) => [source.path, source]));
  }

  of({ path, kind }: Layer, index: number): string | undefined {
    if (path === undefined) return undefined;
    const source = this.#byPath.get(path);
    if (source === undefined || (kind !== undefined && kind !== source.kind)) {
      throw invalidManifest(`disagrees with its lockfile at layer ${index}`);
    }
    return source.chunkHash;
  }
}

/**
 * In build-cache/v1 the digest is the chunk's hash. In other modes only an annotation names the chunk before the bytes
 * are fetched.
 */
function chunkOf(
  { digest }: Layer,
  hint: string | undefined,
  mode: DigestMode,
  chunks: ReadonlyMap<string, string>,
  index: number,
): string | 'foreign' | undefined {
  if (mode === 'sha256') return hint;
  const named = digest.slice('sha256:'.length);
  if (hint !== undefined && hint !== named) {
    throw invalidManifest(`names another chunk than its lockfile at layer ${index}`);
  }
  return chunks.has(named) ? named : 'foreign';
}
