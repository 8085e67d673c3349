export { type CacheConfig, type CacheOptions, resolveCacheConfig, type Surroundings } from './config.ts';
export type { DiskStatistics } from './disk.ts';
export type { DiskState } from './disk-health.ts';
export type { CacheDoctorReport, DoctorOptions } from './doctor.ts';
export {
  type CpuPolicy,
  currentEngineProfiles,
  type EngineDescription,
  type EngineProfile,
  type EngineProfiles,
  engineProfileId,
} from './engine-profile.ts';
export { CacheError, type CacheErrorCode } from './errors.ts';
export type { CacheFiles } from './files.ts';
export type { CacheFinding, CacheProblem } from './findings.ts';
export type { InstalledComponent, InstalledComponents } from './installed.ts';
export { wasmDigestOf } from './keys.ts';
export { KnownDigests } from './known-digests.ts';
export { CacheManager, type CacheManagerOptions } from './manager.ts';
export type { CacheMetrics } from './metrics.ts';
export type { PrunedEntry, PruneOptions, PruneReport } from './prune.ts';
export type { Build } from './shared-builds.ts';
export type { CacheSurvey, ProfileSurvey } from './survey.ts';
export type { WarmupItem, WarmupMode, WarmupOptions, WarmupProgress, WarmupReport } from './warmup.ts';
