import { type DigestMode, digestsOf, wireDigest } from '../digest.ts';
import { inParallel } from './in-parallel.ts';
import { CHUNK_TYPE, CONFIG_TYPE, MANIFEST_TYPE } from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';

interface Sized {
  readonly digest: string;
  readonly bytes: number;
}

/** Fewer than this are asked for one by one. */
const WORTH_A_BATCH = 64;
const BATCH = 4_096;
/** A look-up has no body, so more of them fit into the time of one transfer. */
const LOOK_UPS_PER_TRANSFER = 4;

/**
 * The blobs that the registry does not have, in the order given. Many are asked for in batches where the registry can
 * answer those, and otherwise each by itself.
 *
 * @param batches whether the registry may be sent what it must refuse; not in a dry run.
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
  // In the order of the bundle, whatever the order of the answers: neighbours lie together on the disk.
  return blobs.filter((blob) => absent.has(blob));
}

/**
 * Offers the registry a manifest that it must refuse, as it names the blobs between others that cannot be there. One that
 * checks what a manifest names answers with all that it does not have. The answer counts if those that cannot be there are
 * in it, first, middle and last: then the list is whole. It leaves nothing behind, and costs a thirtieth of as many look-ups.
 *
 * @returns `undefined` if this registry does not answer so
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
