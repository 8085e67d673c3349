import type { Clock } from '#core/ports/clock';
import type { BlobInventory } from '#core/ports/registry';
import type { BlobCustody } from './index-backend.ts';

/** A blob is stored before its record, so the record of a young blob may still come. */
const DEFAULT_GRACE_MS = 24 * 3_600_000;
/** No deletion takes this long, so the mark of a collector that died ends after it. */
const LEASE_MS = 600_000;

export interface CollectionReport {
  /** The number of blobs that were checked. */
  readonly seen: number;
  /** The pointers of the deleted blobs. */
  readonly deleted: readonly string[];
}

/**
 * Deletes blobs that no record points to. Before each deletion the index marks the blob, and accepts no record for it
 * while the mark exists. This way a blob cannot be deleted while somebody publishes it.
 */
export async function collectOrphans(
  { index, blobs, clock }: { readonly index: BlobCustody; readonly blobs: BlobInventory; readonly clock: Clock },
  graceMs: number = DEFAULT_GRACE_MS,
): Promise<CollectionReport> {
  const deleted: string[] = [];
  let seen = 0;
  for await (const { pointer, storedAt } of blobs.list()) {
    seen += 1;
    if (storedAt > clock.now() - graceMs || !(await index.condemn(pointer, LEASE_MS))) continue;
    await blobs.delete(pointer);
    await index.absolve(pointer);
    deleted.push(pointer);
  }
  return { seen, deleted };
}
