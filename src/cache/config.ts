import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { allow, checkOptions } from '#core/options';
import { CacheError } from './errors.ts';

/** The options of the cache. `CacheConfig` names their defaults. */
export interface CacheOptions {
  /** The folder of the disk tier; `false` disables the disk tier. */
  readonly root?: string | false | undefined;
  readonly memoryBytes?: number | undefined;
  readonly maxDiskBytes?: number | undefined;
  readonly maxArtifactBytes?: number | undefined;
  readonly leaseMs?: number | undefined;
  readonly negativeMs?: number | undefined;
}

export interface CacheConfig {
  /** The absolute path of the cache's root; undefined without a disk tier. */
  readonly root: string | undefined;
  /**
   * The weight that the memory tier may hold: generated text and module bytes, each module twice (ours and V8's). 256
   * MiB.
   */
  readonly memoryBytes: number;
  /**
   * The most bytes of entries on disk, of all engines together. Sweeps after writes and `pruneDisk` enforce it. 4 GiB.
   */
  readonly maxDiskBytes: number;
  /** The largest entry that is written or read. 512 MiB. */
  readonly maxArtifactBytes: number;
  /** How long a lock's holder without a sign of life keeps others from building, in milliseconds. 10 s. */
  readonly leaseMs: number;
  /** How long an invalid component is remembered as invalid, in milliseconds. 5 s. */
  readonly negativeMs: number;
}

/** The facts from which the platform's convention is derived. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: () => string;
}

const CACHE: allow.OptionRules<CacheOptions> = {
  root: allow.either('a folder, or false for none', allow.oneOf(false), allow.path),
  memoryBytes: allow.wholeNumber(0),
  maxDiskBytes: allow.wholeNumber(0),
  maxArtifactBytes: allow.wholeNumber(1),
  leaseMs: allow.wholeNumber(100),
  negativeMs: allow.wholeNumber(0),
};
const RULE = allow.options(CACHE);

const process_: Surroundings = { env: process.env, platform: process.platform, home: homedir };

/** @throws {CacheError} `CACHE_INVALID_CONFIG` */
export function resolveCacheConfig(options: CacheOptions = {}, surroundings: Surroundings = process_): CacheConfig {
  checkOptions(options, RULE, 'cache', (message, option) => {
    return new CacheError('CACHE_INVALID_CONFIG', message, { details: { option } });
  });
  const { root } = options;
  return {
    root: root === false ? undefined : root === undefined ? cacheRoot(surroundings) : resolve(root),
    memoryBytes: options.memoryBytes ?? 256 * 2 ** 20,
    maxDiskBytes: options.maxDiskBytes ?? 4 * 2 ** 30,
    maxArtifactBytes: options.maxArtifactBytes ?? 512 * 2 ** 20,
    leaseMs: options.leaseMs ?? 10_000,
    negativeMs: options.negativeMs ?? 5_000,
  };
}

/** Returns `VIVARIUM_CACHE_DIR`, or the platform's folder for caches; undefined when there is no home folder. */
function cacheRoot({ env, platform, home }: Surroundings): string | undefined {
  if (env.VIVARIUM_CACHE_DIR) return resolve(env.VIVARIUM_CACHE_DIR);
  try {
    if (platform === 'win32') return join(env.LOCALAPPDATA || join(home(), 'AppData', 'Local'), 'vivarium', 'Cache');
    if (platform === 'darwin') return join(home(), 'Library', 'Caches', 'vivarium');
    // The XDG base directory specification says that a relative path must be ignored.
    const xdg = env.XDG_CACHE_HOME;
    return join(xdg && isAbsolute(xdg) ? xdg : join(home(), '.cache'), 'vivarium');
  } catch {
    return undefined;
  }
}
