import { parseEngineProfile } from './engine-profile.ts';
import { metadataFile, profileFile } from './layout.ts';
import { MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';
import { inSlices, listArtifacts, listProfiles, statOf, textOfFile } from './scan.ts';

export interface ProfileSurvey {
  readonly engineProfileId: string;
  /** Whether this engine uses it. */
  readonly own: boolean;
  /** The engine as its profile describes it; undefined without a description. */
  readonly engine: string | undefined;
  readonly entries: number;
  /** The bytes of entries and their metadata. */
  readonly bytes: number;
  /** The uses that are recorded so far. */
  readonly hits: number;
  /** Milliseconds since 1970; undefined without entries. */
  readonly lastUsedAt: number | undefined;
}

/** Describes what is on disk according to its metadata. Nothing is verified. */
export interface CacheSurvey {
  readonly root: string;
  readonly entries: number;
  readonly bytes: number;
  readonly profiles: readonly ProfileSurvey[];
}

export async function surveyDisk(root: string, ownProfiles: ReadonlySet<string>): Promise<CacheSurvey> {
  const profiles: ProfileSurvey[] = [];
  for (const id of listProfiles(root).ids) profiles.push(await surveyProfile(root, id, ownProfiles.has(id)));
  return {
    root,
    entries: profiles.reduce((sum, { entries }) => sum + entries, 0),
    bytes: profiles.reduce((sum, { bytes }) => sum + bytes, 0),
    profiles,
  };
}

async function surveyProfile(root: string, engineProfileId: string, own: boolean): Promise<ProfileSurvey> {
  let entries = 0;
  let bytes = 0;
  let hits = 0;
  let lastUsedAt: number | undefined;
  await inSlices(listArtifacts(root, engineProfileId), ({ path, kind, key }) => {
    if (kind === 'foreign' || key === undefined) return;
    bytes += statOf(path)?.size ?? 0;
    if (kind !== 'artifact') return;
    entries += 1;
    const metadata = parseMetadata(textOfFile(metadataFile(root, key), MAX_METADATA_BYTES) ?? '');
    if (metadata === undefined) return;
    hits += metadata.hits;
    lastUsedAt = Math.max(lastUsedAt ?? 0, metadata.lastUsedAt);
  });
  const profile = parseEngineProfile(textOfFile(profileFile(root, engineProfileId), MAX_METADATA_BYTES) ?? '');
  const engine = profile && [
    `${profile.runtime} ${profile.runtimeVersion}`,
    `jco ${profile.jcoVersion}`,
    `metering ${profile.meteringVersion} (${profile.configuration.metering ?? 'unknown'})`,
    [profile.platform, profile.architecture, profile.libc].filter(Boolean).join('-'),
  ];
  return { engineProfileId, own, engine: engine?.join(', '), entries, bytes, hits, lastUsedAt };
}
