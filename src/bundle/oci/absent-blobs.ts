import { type DigestMode, digestsOf, wireDigest } from '../digest.ts';
import { inParallel } from './in-parallel.ts';
import { CHUNK_TYPE, CONFIG_TYPE, MANIFEST_TYPE, parseManifest } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';

interface Sized {
  readonly digest: string;
  readonly bytes: number;
}

/** Fewer blobs than this are looked up one by one. */
export const WORTH_A_BATCH = 64;
const BATCH = 1_024;
/** A registry takes time for each blob of a batch, so some batches at once keep more of its processors busy. */
const BATCHES_AT_ONCE = 4;
/** A look-up has no body, so several fit into the time of one transfer. */
const LOOK_UPS_PER_TRANSFER = 4;

/** For each digest that a registry was asked for: whether it has the blob. */
export type LookedUp = ReadonlyMap<string, boolean>;

interface LookUpOptions<Blob> {
  readonly mode: DigestMode;
  /** Whether the registry may be sent a manifest that it must refuse, which a dry run does not allow. */
  readonly batches: boolean;
  /** What the registry has already answered during this push. */
  readonly known: LookedUp;
  readonly found: (blob: Blob) => void;
}

/**
 * Returns the blobs that the registry does not have, in the given order. Many are looked up in batches if the registry
 * supports that, and otherwise one by one.
 */
export async function absentBlobs<Blob extends Sized>(
  client: RegistryClient,
  blobs: readonly Blob[],
  { mode, batches, known, found }: LookUpOptions<Blob>,
): Promise<readonly Blob[]> {
  const unseen = blobs.filter(({ digest }) => !known.has(digest));
  const answered: LookedUp = batches ? await lookUpInBatches(client, unseen, mode) : new Map();
  const absent = new Set<Blob>();
  const rest: Blob[] = [];
  for (const blob of blobs) {
    const isThere = known.get(blob.digest) ?? answered.get(blob.digest);
    if (isThere === undefined) rest.push(blob);
    else if (isThere) found(blob);
    else absent.add(blob);
  }
  await inParallel(rest, client.concurrency * LOOK_UPS_PER_TRANSFER, async (blob) => {
    if (await client.hasBlob(blob.digest)) found(blob);
    else absent.add(blob);
  });
  // The result is in the order of the bundle, whatever the order of the answers, because neighbours are close together
  // on the disk.
  return blobs.filter((blob) => absent.has(blob));
}

/**
 * Looks up the blobs of the bundle that a tag names, if they can be looked up in batches. A push does this while it packs, because most of
 * what it will send was sent before. An error is left to the requests of the push itself.
 */
export async function lookUpTag(client: RegistryClient, tag: string, mode: DigestMode): Promise<LookedUp> {
  try {
    const manifest = await client.getManifest(tag);
    if (manifest === undefined) return new Map();
    const { config, layers } = parseManifest(manifest);
    const named = [config, ...layers].map(({ digest, size }) => ({ digest, bytes: size }));
    return await lookUpInBatches(client, named, mode);
  } catch {
    return new Map();
  }
}

/** Returns for each digest whether the registry has it. Digests are left out if they are few, or if the registry cannot be asked like this. */
async function lookUpInBatches(client: RegistryClient, blobs: readonly Sized[], mode: DigestMode): Promise<LookedUp> {
  const answered = new Map<string, boolean>();
  if (blobs.length < WORTH_A_BATCH) return answered;
  const lookUp = async (batch: readonly Sized[]): Promise<boolean> => {
    const unknown = await askForAll(client, batch, mode);
    for (const { digest } of unknown === undefined ? [] : batch) answered.set(digest, !unknown?.has(digest));
    return unknown !== undefined;
  };
  const batches = Array.from({ length: Math.ceil(blobs.length / BATCH) }, (_, index) =>
    blobs.slice(index * BATCH, (index + 1) * BATCH),
  );
  // The first one shows whether this registry can be asked.
  if (await lookUp(batches[0] ?? [])) {
    await inParallel(batches.slice(1), BATCHES_AT_ONCE, async (batch) => {
      await lookUp(batch);
    });
  }
  return answered;
}

/**
 * Sends the registry a manifest that it must refuse, because it names the blobs between others that cannot exist. A
 * registry that checks a manifest's blobs answers with all that it does not have. The answer is complete if it lists
 * the impossible blobs at the beginning, in the middle and at the end. This leaves nothing behind, and costs a
 * thirtieth of as many look-ups.
 *
 * @returns `undefined` if this registry does not answer like this
 */
async function askForAll(
  client: RegistryClient,
  blobs: readonly Sized[],
  mode: DigestMode,
): Promise<ReadonlySet<string> | undefined> {
  const nowhere = [0, 1, 2].map((place) => ({ digest: client.unusedDigest(place), bytes: 1 }));
  const middle = blobs.length >> 1;
  const [first, second, last] = nowhere as [Sized, Sized, Sized];
  const named = [first, ...blobs.slice(0, middle), second, ...blobs.slice(middle), last];
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: CONFIG_TYPE, digest: first.digest, size: 1 },
      layers: named.map(({ digest, bytes }) => ({ mediaType: CHUNK_TYPE, digest, size: bytes })),
    }),
  );
  const unknown = await client.blobsUnknownOf(wireDigest(await digestsOf(manifest), mode), manifest);
  return unknown !== undefined && nowhere.every(({ digest }) => unknown.has(digest)) ? unknown : undefined;
}
