import { isAbsolute, join, resolve } from 'node:path';
import type { Clock } from '#core/ports/clock';
import type { BlobInventory, BlobStore } from '#core/ports/registry';
import { shownText } from '#core/text';
import { FolderBlobStore } from './blobs/folder-blobs.ts';
import { S3BlobStore } from './blobs/s3-blobs.ts';
import { RegistryError } from './errors.ts';
import type { IndexBackend } from './index-backend.ts';
import { PostgresModuleIndex } from './postgres/postgres-index.ts';
import { SqliteModuleIndex } from './sqlite/sqlite-index.ts';

/**
 * Opens an index by its address: a folder (with the file `index.db` in it), or a `postgres:` URL.
 * @throws {RegistryError} `REGISTRY_INVALID_URL`, `REGISTRY_UNAVAILABLE`, …
 */
export function openIndex(address: string, clock: Clock): Promise<IndexBackend> {
  const scheme = schemeOf(address);
  if (scheme === 'postgres' || scheme === 'postgresql') return PostgresModuleIndex.open({ url: address, clock });
  if (scheme !== undefined) throw invalid(`a registry is a folder or a postgres: URL, not ${scheme}:`);
  return SqliteModuleIndex.open({ path: join(folderOf(address), 'index.db'), clock });
}

/**
 * Opens a blob store by its address: a folder, or `s3://bucket/prefix?endpoint=URL&region=NAME&path-style=true`. The
 * credentials of S3 come from the AWS client's own sources, never from the address.
 * @throws {RegistryError} `REGISTRY_INVALID_URL`, `REGISTRY_MISSING_PEER`
 */
export async function openBlobs(address: string, clock: Clock): Promise<BlobStore & BlobInventory> {
  const scheme = schemeOf(address);
  if (scheme === undefined) return new FolderBlobStore(folderOf(address), clock);
  const url = scheme === 's3' ? URL.parse(address) : null;
  if (url === null || url.host === '')
    throw invalid(`blobs are in a folder or under s3://bucket/prefix, not ${scheme}:`);
  if (url.username !== '')
    throw invalid('an address must not contain credentials; set AWS_ACCESS_KEY_ID and the related variables');
  const known = new Set(['endpoint', 'region', 'path-style']);
  const unknown = [...url.searchParams.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) throw invalid(`an s3: address has no parameter ${shownText(unknown)}`);
  const endpoint = url.searchParams.get('endpoint') ?? undefined;
  const prefix = `${withoutOuterSlashes(url.pathname)}/`;
  return S3BlobStore.create({
    clock,
    bucket: url.host,
    prefix: prefix === '/' ? undefined : prefix,
    endpoint,
    region: url.searchParams.get('region') ?? undefined,
    forcePathStyle: (url.searchParams.get('path-style') ?? String(endpoint !== undefined)) === 'true',
  });
}

function withoutOuterSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === '/') start++;
  while (start < end && path[end - 1] === '/') end--;
  return path.slice(start, end);
}

/** Returns the scheme, which has at least two letters, so that a Windows drive is not taken for one. */
function schemeOf(address: string): string | undefined {
  return /^([a-z][a-z0-9+.-]+):/i.exec(address)?.[1]?.toLowerCase();
}

function folderOf(address: string): string {
  if (address === '' || address.includes('\0')) throw invalid('the folder of a registry is missing');
  return isAbsolute(address) ? address : resolve(address);
}

function invalid(reason: string): RegistryError {
  return new RegistryError('REGISTRY_INVALID_URL', reason);
}
