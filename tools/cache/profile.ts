import type { EngineProfile, EngineProfiles } from '#cache';

/** A profile with a value in every field. */
export const testProfile: EngineProfile = {
  runtime: 'node',
  runtimeVersion: '26.10.0',
  v8Version: '14.6.202.33-node.18',
  jcoVersion: '0.15.0',
  meteringVersion: '1',
  platform: 'linux',
  architecture: 'x64',
  libc: 'glibc',
  cpuPolicy: 'baseline',
  cpuFeatures: [],
  configuration: { metering: 'fuel', jspi: 'off' },
};

/** The profiles of an engine like that one, under both metering modes. */
export function profilesLike(profile: EngineProfile): EngineProfiles {
  const deadline = { ...profile, configuration: { ...profile.configuration, metering: 'deadline' } };
  return { fuel: profile, deadline };
}
