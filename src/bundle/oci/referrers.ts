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

/** A manifest whose `subject` is another manifest. */
export interface Referrer {
  readonly bytes: Buffer;
  readonly descriptor: Descriptor & { readonly artifactType: string };
}

export interface ReferrerList {
  readonly found: readonly Descriptor[];
  /** Whether there are more referrers than are read. */
  readonly cut: boolean;
}

/**
 * The most referrers that are read, because anybody who can write to a repository can make the list arbitrarily long.
 */
const MAX_REFERRERS = 64;
const MAX_PAGES = 16;
/** How often writing the fallback's index is tried while others write it too. */
const ATTEMPTS = 8;

/**
 * Lists what refers to the manifest `subject` and claims to be of `artifactType`: by the referrers API or, if a
 * registry does not support it, by the tag that the distribution specification 1.1 defines for this case.
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
    // A registry is not required to filter by the type.
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
 * Writes a manifest that refers to `subject`. If the registry keeps no list itself, it is added to the index of the
 * fallback tag. Entries of others stay.
 *
 * @throws {BundleError} `BUNDLE_TAG_MOVED` if others keep replacing the index, `BUNDLE_TOO_LARGE`,
 * `BUNDLE_INVALID_MANIFEST`
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
    // Two simultaneous writers may each replace the other's index, so the index is read again after each write.
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
  if (mediaType !== INDEX_TYPE || !Array.isArray(manifests))
    throw invalidManifest('that lists referrers is not an index');
  return manifests.map((entry: unknown) => objectOf(entry, 'an entry'));
}
