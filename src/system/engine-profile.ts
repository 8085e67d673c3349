import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { currentEngineProfiles, type EngineProfiles, engineProfileId, KnownDigests } from '#cache';
import type { ArtifactBuilder, ArtifactKey } from '#core/ports/artifact';
import type { GivenComponent } from '#core/ports/engine';
import type { Meter, MeteringMode } from '#core/ports/meter';

/** The engine that this package is, on this machine: what artifacts are built for. */
export function engineProfiles(
  meter: Pick<Meter, 'version'>,
  builder: Pick<ArtifactBuilder, 'fingerprint'>,
): EngineProfiles {
  return currentEngineProfiles({
    jcoVersion: jcoVersion(),
    meteringVersion: meter.version,
    // Our own version: what we check and change in the generated code belongs to what is built.
    configuration: { ...builder.fingerprint, vivarium: versionIn(new URL('../../package.json', import.meta.url)) },
  });
}

/** Makes the keys of components under these profiles. */
export function artifactKeys(
  profiles: EngineProfiles,
): (component: GivenComponent, mode: MeteringMode) => Promise<ArtifactKey> {
  const ids = { fuel: engineProfileId(profiles.fuel), deadline: engineProfileId(profiles.deadline) };
  const digests = new KnownDigests();
  return async (component, mode) => ({
    engineProfileId: ids[mode],
    wasmDigest: component instanceof Uint8Array ? await digests.digestOf(component) : component.digest,
  });
}

/** The version that is installed, read without loading anything of the package. */
function jcoVersion(): string {
  const path = findPackageJSON('@bytecodealliance/jco-transpile', import.meta.url);
  if (path === undefined) throw new Error('the package @bytecodealliance/jco-transpile is not installed');
  return versionIn(path);
}

function versionIn(path: string | URL): string {
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return version;
}
