import type { MeteringMode } from '#core/ports/meter';
import { parseEngineProfile } from './engine-profile.ts';
import { metadataFile, profileFile } from './layout.ts';
import { MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';
import { inSlices, listArtifacts, listProfiles, textOfFile } from './scan.ts';

/** The file of a component that was built for another engine. */
export interface InstalledComponent {
  /** The absolute path. The file may be gone, or contain another component by now. */
  readonly path: string;
  readonly meteringMode: MeteringMode;
}

export interface InstalledComponents {
  readonly components: readonly InstalledComponent[];
  /** Digests of components whose origin nobody recorded and that this engine has not built. */
  readonly unknown: readonly string[];
}

/** Lists the origins that the entries of other engines name. Nothing is verified. */
export async function listInstalled(root: string, ownProfiles: ReadonlySet<string>): Promise<InstalledComponents> {
  const components = new Map<string, InstalledComponent>();
  const unknown = new Set<string>();
  const own = new Set<string>();
  for (const id of listProfiles(root).ids) {
    const isOwn = ownProfiles.has(id);
    const profile = parseEngineProfile(textOfFile(profileFile(root, id), MAX_METADATA_BYTES) ?? '');
    const meteringMode = profile?.configuration.metering === 'deadline' ? 'deadline' : 'fuel';
    await inSlices(listArtifacts(root, id), ({ kind, key }) => {
      if (kind !== 'artifact' || key === undefined) return;
      if (isOwn) {
        own.add(key.wasmDigest);
        return;
      }
      const path = parseMetadata(textOfFile(metadataFile(root, key), MAX_METADATA_BYTES) ?? '')?.origin;
      if (path === undefined) unknown.add(key.wasmDigest);
      else components.set(`${meteringMode} ${path}`, { path, meteringMode });
    });
  }
  return { components: [...components.values()], unknown: [...unknown].filter((digest) => !own.has(digest)) };
}
