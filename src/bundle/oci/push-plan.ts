import { ChunkStore } from '../chunks/chunk-store.ts';
import { type DigestMode, type Digests, digestsOf, wireDigest } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { Lockfile } from '../lockfile/model.ts';
import type { BlobContent } from './blob-upload.ts';
import { encodePack, planPacks } from './chunk-pack.ts';
import { chunkContent } from './local-chunks.ts';
import { formatManifest, MAX_MANIFEST_BYTES, type NewLayer } from './manifest.ts';

export interface Blob {
  readonly digest: string;
  readonly bytes: number;
  readonly content: () => Promise<BlobContent>;
}

export interface PushPlan {
  readonly manifest: Buffer;
  /** The blobs, the lockfile's first. */
  readonly blobs: readonly Blob[];
}

interface Bundle {
  readonly lockfile: Lockfile;
  readonly folder: string;
  readonly config: Uint8Array;
  readonly configDigests: Digests;
  readonly chunks: ReadonlyMap<string, Digests>;
}

/**
 * Decides what to send of a bundle: each chunk as a layer, with a file name if these fit into the manifest. If so many
 * layers do not fit, small chunks are packed together. The mode `build-cache/v1` does not support packs.
 *
 * @throws {BundleError} `BUNDLE_TOO_LARGE`
 */
export async function planPush(
  bundle: Bundle,
  options: { readonly digestMode?: DigestMode; readonly maxManifestBytes?: number },
): Promise<PushPlan> {
  const { digestMode: mode = 'sha256', maxManifestBytes = MAX_MANIFEST_BYTES } = options;
  const { lockfile, folder, config, configDigests, chunks } = bundle;
  const describe = (digests: Digests) => ({ digest: wireDigest(digests, mode), size: digests.bytes });
  const blobOf = (digests: Digests, content: Blob['content']): Blob => {
    return { digest: wireDigest(digests, mode), bytes: digests.bytes, content };
  };
  const head = blobOf(configDigests, () => Promise.resolve(config));
  const manifestOf = (layers: readonly NewLayer[], titles: boolean) =>
    formatManifest(lockfile, describe(configDigests), layers, { mode, titles });

  const single = lockfile.sources.map(({ path, kind, chunkHash }) => {
    return { ...describe(chunks.get(chunkHash) as Digests), path, kind };
  });
  for (const titles of [true, false]) {
    const manifest = manifestOf(single, titles);
    if (manifest.length > maxManifestBytes) continue;
    const blobs = [...chunks].map(([hash, digests]) =>
      blobOf(digests, () => chunkContent(folder, hash, digests.bytes)),
    );
    return { manifest, blobs: [head, ...blobs] };
  }
  if (mode === 'sha256') {
    const { layers, blobs } = await packsOf(bundle, blobOf);
    const manifest = manifestOf(layers, false);
    if (manifest.length <= maxManifestBytes) return { manifest, blobs: [head, ...blobs] };
  }
  throw new BundleError(
    'BUNDLE_TOO_LARGE',
    `the manifest of ${single.length} sources has more than the ${maxManifestBytes} bytes that a registry takes: ` +
      'push to a folder and carry that, or push parts of it under several scopes',
    { details: { limit: maxManifestBytes, sources: single.length } },
  );
}

async function packsOf(
  { lockfile, folder, chunks }: Bundle,
  blobOf: (digests: Digests, content: Blob['content']) => Blob,
): Promise<{ readonly layers: readonly NewLayer[]; readonly blobs: readonly Blob[] }> {
  const store = new ChunkStore(folder);
  const first = new Map(lockfile.sources.toReversed().map((source) => [source.chunkHash, source]));
  // Use the order of the sources, not of the map, so that every push makes the same packs.
  const hashes = new Set(lockfile.sources.map(({ chunkHash }) => chunkHash));
  const ordered = Array.from(hashes, (hash) => ({ hash, bytes: (chunks.get(hash) as Digests).bytes }));
  const layers: NewLayer[] = [];
  const blobs: Blob[] = [];
  for (const pack of planPacks(ordered)) {
    const [only] = pack;
    if (pack.length === 1 && only !== undefined) {
      const digests = chunks.get(only.hash) as Digests;
      const { path, kind } = first.get(only.hash) as Lockfile['sources'][number];
      const blob = blobOf(digests, () => chunkContent(folder, only.hash, only.bytes));
      layers.push({ digest: blob.digest, size: blob.bytes, path, kind });
      blobs.push(blob);
      continue;
    }
    const content = async () => {
      const read: { hash: string; content: Uint8Array }[] = [];
      for (const { hash } of pack) read.push({ hash, content: await store.read(hash) });
      return encodePack(read);
    };
    // The pack is read once for its digest and again when it is sent, because a bundle may not fit into memory.
    const blob = blobOf(await digestsOf(await content()), content);
    layers.push({ digest: blob.digest, size: blob.bytes, count: pack.length });
    blobs.push(blob);
  }
  return { layers, blobs };
}
