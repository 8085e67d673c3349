export { type CacheConfig, type CacheOptions, resolveCacheConfig } from './config.ts';
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
export type { CacheFinding, CacheProblem } from './findings.ts';
export { wasmDigestOf } from './keys.ts';
export { KnownDigests } from './known-digests.ts';
export { CacheManager, type CacheManagerOptions } from './manager.ts';
export type { CacheMetrics } from './metrics.ts';
export type { PruneOptions, PruneReport } from './prune.ts';
export type { CacheSurvey, ProfileSurvey } from './survey.ts';
export type { WarmupItem, WarmupMode, WarmupOptions, WarmupProgress, WarmupReport } from './warmup.ts';
