import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { CacheError } from './errors.ts';

/** What an embedder may choose. Left out: the default named in `CacheConfig`. */
export interface CacheOptions {
  /** Where the disk tier lies; `false`: no disk tier. */
  readonly root?: string | false | undefined;
  readonly memoryBytes?: number | undefined;
  readonly maxDiskBytes?: number | undefined;
  readonly maxArtifactBytes?: number | undefined;
  readonly leaseMs?: number | undefined;
  readonly negativeMs?: number | undefined;
}

export interface CacheConfig {
  /** Absolute path of the cache's root; undefined: no disk tier. */
  readonly root: string | undefined;
  /** Weight that the memory tier may hold: generated text and module bytes, each module twice (ours and V8's). 256 MiB. */
  readonly memoryBytes: number;
  /** What `pruneDisk` leaves when it is not told otherwise. 4 GiB. */
  readonly maxDiskBytes: number;
  /** The largest entry that is written or read. 512 MiB. */
  readonly maxArtifactBytes: number;
  /** How long a holder that shows no sign of life keeps others from building, in milliseconds. 10 s. */
  readonly leaseMs: number;
  /** How long an invalid component is remembered as such, in milliseconds. 5 s. */
  readonly negativeMs: number;
}

/** What the platform's convention is read from. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly home: () => string;
}

const process_: Surroundings = { env: process.env, platform: process.platform, home: homedir };

/** @throws {CacheError} `CACHE_INVALID_CONFIG` */
export function resolveCacheConfig(options: CacheOptions = {}, surroundings: Surroundings = process_): CacheConfig {
  return {
    root: options.root === false ? undefined : (given(options.root) ?? cacheRoot(surroundings)),
    memoryBytes: amount('memoryBytes', options.memoryBytes, 256 * 2 ** 20, 0),
    maxDiskBytes: amount('maxDiskBytes', options.maxDiskBytes, 4 * 2 ** 30, 0),
    maxArtifactBytes: amount('maxArtifactBytes', options.maxArtifactBytes, 512 * 2 ** 20, 1),
    leaseMs: amount('leaseMs', options.leaseMs, 10_000, 100),
    negativeMs: amount('negativeMs', options.negativeMs, 5_000, 0),
  };
}

/** `VIVARIUM_CACHE_DIR`, else the platform's folder for caches; undefined when there is no home to put it in. */
function cacheRoot({ env, platform, home }: Surroundings): string | undefined {
  if (env.VIVARIUM_CACHE_DIR) return resolve(env.VIVARIUM_CACHE_DIR);
  try {
    if (platform === 'win32') return join(env.LOCALAPPDATA || join(home(), 'AppData', 'Local'), 'vivarium', 'Cache');
    if (platform === 'darwin') return join(home(), 'Library', 'Caches', 'vivarium');
    // The XDG base directory specification says that a relative path is to be ignored.
    const xdg = env.XDG_CACHE_HOME;
    return join(xdg && isAbsolute(xdg) ? xdg : join(home(), '.cache'), 'vivarium');
  } catch {
    return undefined;
  }
}

function given(root: string | undefined): string | undefined {
  if (root === undefined) return undefined;
  if (root === '' || root.includes('\0')) {
    throw new CacheError(
      'CACHE_INVALID_CONFIG',
      'cache.root is empty or holds a NUL; give a folder, or false for none',
    );
  }
  return resolve(root);
}

function amount(name: string, value: number | undefined, otherwise: number, least: number): number {
  if (value === undefined) return otherwise;
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new CacheError(
    'CACHE_INVALID_CONFIG',
    `cache.${name} is ${String(value)}; give a whole number, ${least} or more`,
  );
}
