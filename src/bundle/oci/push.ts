import { type DigestMode, type Digests, digestsOf, wireDigest } from '../digest.ts';
import { BundleError } from '../errors.ts';
import type { Lockfile } from '../lockfile/model.ts';
import type { OnProgress } from '../progress.ts';
import { absentBlobs, type LookedUp } from './absent-blobs.ts';
import { inParallel } from './in-parallel.ts';
import { digestChunks } from './local-chunks.ts';
import { planPush } from './push-plan.ts';
import type { RegistryClient } from './registry-client.ts';
import { mismatch } from './registry-error.ts';
import { addSignature, type NewSignature } from './signatures.ts';

export interface RemotePushOptions {
  readonly tag: string;
  /** Default `sha256`, which every registry accepts. */
  readonly digestMode?: DigestMode;
  /** A larger manifest is refused before anything is sent. Default 4 MiB, which every registry accepts. */
  readonly maxManifestBytes?: number;
  /** Other repositories of the same registry that may contain the same chunks. */
  readonly mountFrom?: readonly string[];
  /** Finds out what would be sent, and sends nothing. */
  readonly dryRun?: boolean;
  readonly onProgress?: OnProgress;
}

interface SignedPushOptions extends RemotePushOptions {
  /** An envelope over the lockfile, and its signer. */
  readonly signature?: NewSignature;
  /** What the registry has already answered during this push; nothing by default. */
  readonly known?: Promise<LookedUp>;
}

export interface RemotePushReport {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  /** Whether the tag already named this manifest, and the registry already had all its blobs. */
  readonly unchanged: boolean;
  readonly chunks: number;
  /** The blobs that were (in a dry run: would be) sent, including the lockfile. */
  readonly sent: number;
  readonly bytesSent: number;
  readonly mounted: number;
  /** Whether a signature was (in a dry run: would be) added; `undefined` if none was requested. */
  readonly signed?: boolean;
  readonly dryRun: boolean;
}

/** A bundle's folder, as `pack` made it. */
export interface PackedBundle {
  readonly lockfile: Lockfile;
  readonly folder: string;
  /** The binary lockfile. */
  readonly encoded: Uint8Array;
  /** The digests of every chunk, if they are known; otherwise each chunk is read. */
  readonly digests?: ReadonlyMap<string, Digests>;
}

/**
 * Sends a folder's bundle: the lockfile as config, each chunk once, and the manifest last, so that a manifest never
 * names a missing blob. A blob that the registry has lost is sent again.
 *
 * @throws {BundleError} `BUNDLE_CHUNK_MISSING`, `BUNDLE_CHUNK_CORRUPT`, `BUNDLE_TOO_LARGE` before anything is sent;
 * `BUNDLE_TAG_MOVED` if another push took the tag meanwhile; and as `RegistryClient`
 */
export async function pushRemote(
  { lockfile, folder, encoded: config, digests }: PackedBundle,
  client: RegistryClient,
  options: SignedPushOptions,
): Promise<RemotePushReport> {
  const { tag, digestMode = 'sha256', dryRun = false, signature } = options;
  const configDigests = await digestsOf(config);
  const chunks = digests ?? (await digestChunks(lockfile, folder, progressOf('check', lockfile, options.onProgress)));
  const { manifest, blobs } = await planPush({ lockfile, folder, config, configDigests, chunks }, options);
  const report = {
    repository: client.repository.name,
    tag,
    digest: wireDigest(await digestsOf(manifest), digestMode),
    chunks: chunks.size,
    dryRun,
  };
  const same = (await client.getManifest(tag))?.equals(manifest) === true;
  const sum = { sent: 0, bytesSent: 0, mounted: 0 };
  const tell = progressOf('send', lockfile, options.onProgress, totalBytes(chunks));
  // Every push looks up every blob, even if the tag already names this manifest, because a registry may have lost one.
  const known = (await options.known) ?? new Map();
  const absent = await absentBlobs(client, blobs, { mode: digestMode, batches: !dryRun, known, found: tell });
  await inParallel(absent, client.concurrency, async (blob) => {
    if (!dryRun && (await mount(client, blob.digest, options.mountFrom ?? []))) sum.mounted++;
    else {
      if (!dryRun) await client.putBlob(blob.digest, blob.bytes, await blob.content());
      sum.sent++;
      sum.bytesSent += blob.bytes;
    }
    tell(blob);
  });
  const unchanged = same && sum.sent + sum.mounted === 0;
  const isWritten = !dryRun && !unchanged;
  // Write it under its digest first, which affects nobody. It is signed before the tag moves, so the tag never names an
  // unsigned manifest.
  if (isWritten) await client.putManifest(report.digest, manifest);
  const bundle = { ...report, digestMode, manifest, lockfileDigest: wireDigest(configDigests, 'sha256') };
  const signed = signature && (await addSignature(client, bundle, signature, dryRun));
  if (isWritten) await moveTag(client, manifest, report);
  return { ...report, ...sum, unchanged, ...(signed !== undefined && { signed }) };
}

/** Writes the tag, and checks that it names our manifest. */
async function moveTag(
  client: RegistryClient,
  manifest: Buffer,
  report: { tag: string; digest: string },
): Promise<void> {
  await client.putManifest(report.tag, manifest);
  const found = await client.getManifest(report.tag);
  if (found?.equals(manifest) === true) return;
  const kept = (await client.getManifest(report.digest))?.equals(manifest) === true;
  if (!kept) throw mismatch(report.digest, 'is not the manifest that was sent');
  throw new BundleError(
    'BUNDLE_TAG_MOVED',
    `the tag ${report.tag} names another manifest than the one just pushed; another push took it. Ours is ${report.digest}`,
    { details: { digest: report.digest } },
  );
}

async function mount(client: RegistryClient, digest: string, repositories: readonly string[]): Promise<boolean> {
  for (const from of repositories) if (await client.mountBlob(digest, from)) return true;
  return false;
}

function totalBytes(chunks: ReadonlyMap<string, Digests>): number {
  return chunks.values().reduce((sum, { bytes }) => sum + bytes, 0);
}

function progressOf(
  step: 'check' | 'send',
  { sources }: Lockfile,
  onProgress: OnProgress | undefined,
  total?: number,
): (blob: { readonly bytes: number }) => void {
  const totalChunks = new Set(sources.map(({ chunkHash }) => chunkHash)).size;
  let chunks = 0;
  let bytes = 0;
  return (blob) => {
    chunks++;
    bytes += blob.bytes;
    onProgress?.({ step, chunks, totalChunks, bytes, ...(total !== undefined && { totalBytes: total }) });
  };
}
