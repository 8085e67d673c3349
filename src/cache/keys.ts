import { hash, webcrypto } from 'node:crypto';
import type { ArtifactKey } from '#core/ports/artifact';
import { shownValue } from '#core/text';
import { CacheError } from './errors.ts';

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const PROFILE_ID = /^[0-9a-f]{64}$/;

/** Hashing more bytes than this on this thread would block the event loop for milliseconds. */
const MUCH = 4 * 2 ** 20;

/** Returns `sha256:` and 64 hex digits for a component's bytes, the form of lock files and OCI registries. */
export async function wasmDigestOf(component: Uint8Array): Promise<string> {
  if (component.length <= MUCH) return `sha256:${hash('sha256', component, 'hex')}`;
  const digest = await webcrypto.subtle.digest('SHA-256', component as Uint8Array<ArrayBuffer>);
  return `sha256:${Buffer.from(digest).toString('hex')}`;
}

/**
 * Checks a key before it becomes a path. Digests come from lock files and registries, and a `../` in one must never
 * reach the file system. @throws {CacheError} `CACHE_INVALID_KEY`
 */
export function checkKey(key: ArtifactKey): ArtifactKey {
  if (!isDigest(key.wasmDigest)) {
    throw new CacheError(
      'CACHE_INVALID_KEY',
      `${shownValue(key.wasmDigest)} is not a component's digest; give sha256: and 64 lower-case hex digits`,
    );
  }
  if (!isProfileId(key.engineProfileId)) {
    throw new CacheError(
      'CACHE_INVALID_KEY',
      `${shownValue(key.engineProfileId)} is not an engine profile's id; give 64 lower-case hex digits`,
    );
  }
  return key;
}

export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && DIGEST.test(value);
}

export function isProfileId(value: unknown): value is string {
  return typeof value === 'string' && PROFILE_ID.test(value);
}

/** Returns the 64 hex digits of a checked digest, which are the entry's file name. */
export function hexOf(wasmDigest: string): string {
  return wasmDigest.slice('sha256:'.length);
}

/** Returns a unique text for a checked key, for use in maps. */
export function textOf(key: ArtifactKey): string {
  return `${key.engineProfileId}/${key.wasmDigest}`;
}
