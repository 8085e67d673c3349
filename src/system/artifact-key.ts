import { createHash, webcrypto } from 'node:crypto';
import type { ArtifactBuilder, ArtifactKey, Meter, MeteringMode } from '#core';

/** What identifies the artifact of a component on this engine. */
export async function artifactKeyOf(
  component: Uint8Array,
  mode: MeteringMode,
  meter: Meter,
  builder: ArtifactBuilder,
): Promise<ArtifactKey> {
  // Off this thread: hashing many megabytes must not hold the event loop.
  const digest = Buffer.from(await webcrypto.subtle.digest('SHA-256', component as Uint8Array<ArrayBuffer>)).toString(
    'hex',
  );
  const fields = [
    process.version,
    process.versions.v8,
    meter.version,
    mode,
    ...Object.entries(builder.fingerprint).flat(),
  ];
  const profile = createHash('sha256');
  for (const field of fields) profile.update(`${Buffer.byteLength(field)}:${field}`);
  return { engineProfileId: profile.digest('hex'), wasmDigest: `sha256:${digest}` };
}
