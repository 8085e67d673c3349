import type { Clock } from '#core/ports/clock';
import type { BlobInventory } from '#core/ports/registry';
import type { BlobCustody } from './index-backend.ts';

/** A blob is stored before its record, so a young one may be waiting for it. */
const DEFAULT_GRACE_MS = 24 * 3_600_000;
/** No deletion takes this long; a collector that died leaves its mark for no longer. */
const LEASE_MS = 600_000;

export interface CollectionReport {
  /** Blobs that were looked at. */
  readonly seen: number;
  /** Pointers of the blobs that were deleted. */
  readonly deleted: readonly string[];
}

/**
 * Deletes blobs that no record points to. The index marks each one first, and takes no record of it while the mark
 * stands, so a blob cannot go while somebody publishes it.
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
