import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { currentEngineProfiles, type EngineProfiles, engineProfileId, KnownDigests } from '#cache';
import type { ArtifactBuilder, ArtifactKey } from '#core/ports/artifact';
import type { GivenComponent } from '#core/ports/engine';
import type { Meter, MeteringMode } from '#core/ports/meter';

/** Describes the engine that artifacts are built for: this package on this machine. */
export function engineProfiles(
  meter: Pick<Meter, 'version'>,
  builder: Pick<ArtifactBuilder, 'fingerprint'>,
): EngineProfiles {
  return currentEngineProfiles({
    jcoVersion: jcoVersion(),
    meteringVersion: meter.version,
    // An artifact depends on this package's version, because this package checks and changes the generated code.
    configuration: { ...builder.fingerprint, vivarium: versionIn(new URL('../../package.json', import.meta.url)) },
  });
}

/** Returns a function that makes a component's artifact key under these profiles. */
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

/** Reads the version of jco without loading its transpiler, which lies in this package (docs/adr/0170-the-transpiler-alone.md). */
function jcoVersion(): string {
  const transpiler = createRequire(import.meta.url).resolve('#transpiler/component');
  return versionIn(new URL('../package.json', pathToFileURL(transpiler)));
}

function versionIn(path: string | URL): string {
  const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version: string };
  return version;
}
