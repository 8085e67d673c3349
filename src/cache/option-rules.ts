import { allow, checkOptions } from '#core/options';
import type { MeteringMode } from '#core/ports/meter';
import type { DoctorOptions } from './doctor.ts';
import { CacheError } from './errors.ts';
import type { PruneOptions } from './prune.ts';
import type { WarmupMode, WarmupOptions } from './warmup.ts';

const PRUNE: allow.OptionRules<PruneOptions> = {
  maxBytes: allow.bound(0),
  maxAge: allow.rule('milliseconds, 0 or more', (value) => typeof value === 'number' && value >= 0),
  keepProfiles: allow.listOf(allow.text),
  dryRun: allow.flag,
};
const DOCTOR: allow.OptionRules<DoctorOptions> = { fix: allow.flag, onProgress: allow.func };
const WARMUP: allow.OptionRules<WarmupOptions> = {
  concurrency: allow.bound(1),
  onProgress: allow.func,
  signal: allow.signal,
};

const RULES = {
  prune: allow.options(PRUNE),
  doctor: allow.options(DOCTOR),
  warmup: allow.options(WARMUP),
  'warmup mode': allow.oneOf('best-effort', 'strict' satisfies WarmupMode),
  mode: allow.oneOf('fuel', 'deadline' satisfies MeteringMode),
};

/** Rejects invalid options, because they decide what is deleted. @throws {CacheError} `CACHE_INVALID_CONFIG` */
export function checkCacheOptions(value: unknown, kind: keyof typeof RULES, under = ''): void {
  checkOptions(value, RULES[kind], under, (message, option) => {
    return new CacheError('CACHE_INVALID_CONFIG', message, { details: { option } });
  });
}
