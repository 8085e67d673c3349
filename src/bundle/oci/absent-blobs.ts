import { type DigestMode, digestsOf, wireDigest } from '../digest.ts';
import { inParallel } from './in-parallel.ts';
import { CHUNK_TYPE, CONFIG_TYPE, MANIFEST_TYPE } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';

interface Sized {
  readonly digest: string;
  readonly bytes: number;
}

/** Fewer blobs than this are looked up one by one. */
const WORTH_A_BATCH = 64;
const BATCH = 4_096;
/** A look-up has no body, so several fit into the time of one transfer. */
const LOOK_UPS_PER_TRANSFER = 4;

/**
 * Returns the blobs that the registry does not have, in the given order. Many are looked up in batches if the registry
 * supports that, and otherwise one by one.
 *
 * @param batches whether the registry may be sent a manifest that it must refuse, which a dry run does not allow
 */
export async function absentBlobs<Blob extends Sized>(
  client: RegistryClient,
  blobs: readonly Blob[],
  { mode, batches, found }: { mode: DigestMode; batches: boolean; found: (blob: Blob) => void },
): Promise<readonly Blob[]> {
  const absent = new Set<Blob>();
  let rest = blobs;
  while (batches && rest.length >= WORTH_A_BATCH) {
    const batch = rest.slice(0, BATCH);
    const unknown = await askForAll(client, batch, mode);
    if (unknown === undefined) break;
    for (const blob of batch) {
      if (unknown.has(blob.digest)) absent.add(blob);
      else found(blob);
    }
    rest = rest.slice(BATCH);
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
