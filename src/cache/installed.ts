import type { MeteringMode } from '#core/ports/meter';
import { parseEngineProfile } from './engine-profile.ts';
import { metadataFile, profileFile } from './layout.ts';
import { MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';
import { inSlices, listArtifacts, listProfiles, textOfFile } from './scan.ts';

/** A file whose component another engine had ready. */
export interface InstalledComponent {
  /** Absolute path. The file may be gone, or hold another component by now. */
  readonly path: string;
  readonly meteringMode: MeteringMode;
}

export interface InstalledComponents {
  readonly components: readonly InstalledComponent[];
  /** Digests of components of which nobody wrote down where they were read from, and that this engine does not have. */
  readonly unknown: readonly string[];
}

/** What the entries of other engines say that they were built from; nothing of it is verified. */
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
