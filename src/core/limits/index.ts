export { type KeepingCall, KeptBytes } from './kept-bytes.ts';
export {
  checkLimits,
  checkTotalMemory,
  DEFAULT_LIMITS,
  DEFAULT_MAX_COMPONENT_BYTES,
  DEFAULT_TOTAL_MEMORIES,
  type EffectiveLimits,
  LIMITS,
  MOST_MEMORIES,
  MOST_PARTS,
  type ResourceLimits,
  resolveLimits,
} from './limits.ts';
export { Quota } from './quota.ts';
