import type { DigestMode } from '../digest.ts';
import type { Lockfile, SourceEntry } from '../lockfile/model.ts';
import { PACK_TYPE } from './chunk-pack.ts';
import { invalidManifest, type Layer, type Manifest } from './manifest.ts';

/** A blob that holds a chunk of the bundle. */
export interface Part {
  readonly digest: string;
  readonly size: number;
  /** The chunk's BLAKE3, or `undefined` where only the bytes can tell. */
  readonly chunk: string | undefined;
  /** Of a pack of chunks: those that it should hold, or none where nobody says. */
  readonly pack?: readonly string[];
  /** A source of this chunk, for messages. */
  readonly path: string | undefined;
}

/**
 * Finds out which layer holds which chunk. The lockfile alone says what belongs to a bundle; the annotations, the order
 * and the repetition of layers are hints of whoever pushed it. A hint that is there must be true, none has to be there.
 * A layer that the lockfile does not name is left out: some producers push whatever lies in their folder.
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

/** Packs hold, in their order, the chunks that have no layer of their own. */
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

/** What annotations may say: a path and a kind of the lockfile. */
class Hints {
  /** The path of a source of each chunk. */
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

/** In build-cache/v1 the digest is the chunk's own hash; otherwise only an annotation tells before the bytes are here. */
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
