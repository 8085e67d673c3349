import type { BlobStore, ModuleRecord } from '#core/ports/registry';
import { digestOf } from '#security/signatures';
import { RegistryError } from '../errors.ts';

/**
 * Reads the bytes of a module and checks them against the digest and size in its record.
 * @throws {RegistryError} `REGISTRY_BLOB_MISSING`, `REGISTRY_BLOB_DAMAGED`, `REGISTRY_UNAVAILABLE`
 */
export async function readBlob(
  blobs: Pick<BlobStore, 'get'>,
  { id, storagePointer, size }: ModuleRecord,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await blobs.get(storagePointer, size + 1, signal);
  if (bytes === undefined) {
    throw new RegistryError(
      'REGISTRY_BLOB_MISSING',
      `module ${id} has no bytes: the blob ${storagePointer} is gone; publish it again, or restore the blob store`,
    );
  }
  if (bytes.length !== size || digestOf(bytes) !== storagePointer) {
    throw new RegistryError(
      'REGISTRY_BLOB_DAMAGED',
      `the blob ${storagePointer} of module ${id} holds other bytes (${bytes.length > size ? `more than ${size}` : bytes.length}, ${size} were signed); delete it and publish the module again`,
    );
  }
  return bytes;
}
