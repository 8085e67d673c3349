import { join } from 'node:path';
import type { ArtifactKey } from '#core/ports/artifact';
import { hexOf } from './keys.ts';

/**
 * Where everything lies. A change of the format of any file here changes `v1`.
 *
 * ```text
 * <cache_root>/
 *   v1/
 *     <engine_profile_id>/          64 hex digits
 *       profile.json                the fields that the id is made of
 *       artifacts/
 *         <hex of wasm_digest>.viva the artifact and its seal
 *         <hex of wasm_digest>.json what doctor, prune and people read; never needed to use the entry
 *       locks/
 *         <hex>.<generation>        who is building it, renewed while alive
 *         <hex>.failed              why the last build failed, for those who waited for it
 *       tmp/
 *         <name>.tmp                files being written
 * ```
 */
export const FORMAT = 'v1';

export interface ProfileFolders {
  readonly profile: string;
  readonly artifacts: string;
  readonly locks: string;
  readonly tmp: string;
}

export function formatFolder(root: string): string {
  return join(root, FORMAT);
}

export function profileFolders(root: string, engineProfileId: string): ProfileFolders {
  const profile = join(root, FORMAT, engineProfileId);
  return { profile, artifacts: join(profile, 'artifacts'), locks: join(profile, 'locks'), tmp: join(profile, 'tmp') };
}

export function profileFile(root: string, engineProfileId: string): string {
  return join(root, FORMAT, engineProfileId, 'profile.json');
}

export function artifactFile(root: string, key: ArtifactKey): string {
  return join(root, FORMAT, key.engineProfileId, 'artifacts', `${hexOf(key.wasmDigest)}.viva`);
}

export function metadataFile(root: string, key: ArtifactKey): string {
  return join(root, FORMAT, key.engineProfileId, 'artifacts', `${hexOf(key.wasmDigest)}.json`);
}
