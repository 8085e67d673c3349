import { BundleError } from '../errors.ts';
import {
  type Descriptor,
  descriptorOf,
  INDEX_TYPE,
  invalidManifest,
  MANIFEST_TYPE,
  MAX_MANIFEST_BYTES,
  objectOf,
  parseManifestJson,
} from './manifest.ts';
import type { RegistryClient } from './registry-client.ts';

/** A manifest whose `subject` is another one. */
export interface Referrer {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor & { readonly artifactType: string };
}

export interface ReferrerList {
  readonly found: readonly Descriptor[];
  /** Whether there are more than are looked at. */
  readonly cut: boolean;
}

/** Whoever may write to a repository can make a list of any length. */
const MAX_REFERRERS = 64;
const MAX_PAGES = 16;
/** How often the fallback's index is written while others write it too. */
const ATTEMPTS = 8;

/**
 * What refers to the manifest `subject` and says that it is of `artifactType`, by the referrers API or, where a registry
 * has none, by the tag that the distribution specification 1.1 has for those.
 */
export async function listReferrers(
  client: RegistryClient,
  subject: string,
  artifactType: string,
): Promise<ReferrerList> {
  const found: Descriptor[] = [];
  let page = await client.getReferrers(subject, artifactType);
  if (page === undefined) {
    const index = await fallbackIndex(client, subject);
    page = index === undefined ? undefined : { index };
  }
  for (let pages = 1; page !== undefined; pages++) {
    // A registry need not filter by the type.
    for (const each of entriesOf(page.index).filter((entry) => entry.artifactType === artifactType)) {
      if (found.length === MAX_REFERRERS) return { found, cut: true };
      found.push(descriptorOf(each, MANIFEST_TYPE));
    }
    if (page.next === undefined) break;
    if (pages === MAX_PAGES) return { found, cut: true };
    page = await client.getReferrers(subject, artifactType, page.next);
  }
  return { found, cut: false };
}

/**
 * Writes a manifest that refers to `subject`, and puts it into the index of the fallback's tag where the registry keeps no
 * list itself. What others put there stays.
 *
 * @throws {BundleError} `BUNDLE_TAG_MOVED` if others replace the index all the time, `BUNDLE_TOO_LARGE`, `BUNDLE_INVALID_MANIFEST`
 */
export async function addReferrer(
  client: RegistryClient,
  subject: string,
  { bytes, descriptor }: Referrer,
): Promise<void> {
  if ((await client.putManifest(descriptor.digest, bytes)) === subject) return;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const index = await fallbackIndex(client, subject);
    const entries = index === undefined ? [] : entriesOf(index);
    // Two who add at the same time may each replace the other's index, so the index is read again after each write.
    if (entries.some(({ digest }) => digest === descriptor.digest)) return;
    const next = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...entries, descriptor] };
    const written = Buffer.from(JSON.stringify(next));
    if (written.length > MAX_MANIFEST_BYTES) {
      throw new BundleError('BUNDLE_TOO_LARGE', `too much refers to ${subject} already; delete the old ones`);
    }
    await client.putManifest(fallbackTag(subject), written, INDEX_TYPE);
  }
  throw new BundleError(
    'BUNDLE_TAG_MOVED',
    `others replace the tag ${fallbackTag(subject)} at the same time; push again in a moment`,
  );
}

function fallbackTag(subject: string): string {
  return subject.replace(':', '-');
}

function fallbackIndex(client: RegistryClient, subject: string): Promise<Buffer | undefined> {
  return client.getManifest(fallbackTag(subject), { type: INDEX_TYPE, limit: MAX_MANIFEST_BYTES });
}

function entriesOf(index: Uint8Array): readonly Record<string, unknown>[] {
  const { mediaType = INDEX_TYPE, manifests } = parseManifestJson(index);
  if (mediaType !== INDEX_TYPE || !Array.isArray(manifests)) throw invalidManifest('that lists referrers is no index');
  return manifests.map((entry: unknown) => objectOf(entry, 'an entry'));
}
