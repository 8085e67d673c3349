import * as promises from 'node:fs/promises';
import type {
  ArtifactBuilder,
  ArtifactCache,
  ArtifactKey,
  ArtifactStore,
  ArtifactTrust,
  CompiledArtifact,
} from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import type { MeteringMode } from '#core/ports/meter';
import type { Random } from '#core/ports/random';
import { compileArtifact, weightOf } from './compile.ts';
import type { CacheConfig } from './config.ts';
import { DiskTier } from './disk.ts';
import type { CacheDoctorReport, DoctorOptions } from './doctor.ts';
import { type EngineProfile, type EngineProfiles, engineProfileId } from './engine-profile.ts';
import { CacheError } from './errors.ts';
import type { CacheFiles } from './files.ts';
import type { InstalledComponents } from './installed.ts';
import { checkKey, textOf, wasmDigestOf } from './keys.ts';
import { MemoryTier } from './memory.ts';
import { type CacheMetrics, metricsOf } from './metrics.ts';
import { checkCacheOptions } from './option-rules.ts';
import type { PruneOptions, PruneReport } from './prune.ts';
import { type Build, SharedBuilds } from './shared-builds.ts';
import { SingleFlight } from './singleflight.ts';
import type { CacheSurvey } from './survey.ts';
import { DiskSweeper } from './sweeper.ts';
import type { WarmupItem, WarmupMode, WarmupOptions, WarmupReport } from './warmup.ts';

export interface CacheManagerOptions {
  readonly profiles: EngineProfiles;
  readonly config: CacheConfig;
  readonly trust: ArtifactTrust;
  readonly clock: Clock;
  readonly random: Random;
  /** Builds for `getComponent` and `warmup`. `get` is given its own build function. */
  readonly builder?: Pick<ArtifactBuilder, 'build'> | undefined;
  /** Called when the disk tier stops working; the cache goes on without it. */
  readonly onTrouble?: ((error: CacheError) => void) | undefined;
  /** The file system; tests supply another one. */
  readonly files?: CacheFiles | undefined;
}

/**
 * The artifact cache. It looks in memory, then on disk, and then builds once for all callers in this thread, in other
 * threads and in other processes. Its result equals that of a build. A failing disk costs time but never makes a load
 * fail.
 */
export class CacheManager implements ArtifactCache {
  readonly #options: CacheManagerOptions;
  readonly #profileIds: Readonly<Record<MeteringMode, string>>;
  readonly #profiles: ReadonlyMap<string, EngineProfile>;
  readonly #memory: MemoryTier<CompiledArtifact>;
  readonly #disk: DiskTier | undefined;
  readonly #flights = new SingleFlight<CompiledArtifact>();
  readonly #builds: SharedBuilds;
  readonly #sweeper: DiskSweeper;
  #joined = 0;
  #closed = false;

  constructor(options: CacheManagerOptions) {
    const { profiles, config, files = promises } = options;
    this.#options = options;
    this.#profileIds = { fuel: engineProfileId(profiles.fuel), deadline: engineProfileId(profiles.deadline) };
    this.#profiles = new Map([
      [this.#profileIds.fuel, profiles.fuel],
      [this.#profileIds.deadline, profiles.deadline],
    ]);
    this.#memory = new MemoryTier(config.memoryBytes);
    const { clock } = options;
    const { maxDiskBytes } = config;
    this.#sweeper = new DiskSweeper({ clock, maxDiskBytes, prune: () => this.pruneDisk() });
    this.#disk =
      config.root === undefined
        ? undefined
        : new DiskTier({
            ...options,
            root: config.root,
            profiles: this.#profiles,
            files,
            onWrite: (bytes) => this.#sweeper.wrote(bytes),
            onTrouble: (error) => options.onTrouble?.(error),
          });
    this.#builds = new SharedBuilds({ ...options, files, disk: this.#disk });
  }

  /**
   * Returns the key of a component for this engine.
   * @param component its bytes, or its digest when a lock file or a registry names it
   * @throws {CacheError} `CACHE_INVALID_KEY`
   */
  async keyOf(component: Uint8Array | string, mode: MeteringMode = 'fuel'): Promise<ArtifactKey> {
    checkCacheOptions(mode, 'mode', 'mode');
    const wasmDigest = typeof component === 'string' ? component : await wasmDigestOf(component);
    return checkKey({ engineProfileId: this.#profileIds[mode], wasmDigest });
  }

  /**
   * Returns the compiled artifact of a key.
   * @param build makes the artifact of the bytes with the key's digest; called only on a miss
   * @param origin the absolute path of the component's file, recorded for `installed`
   * @throws {CacheError} `CACHE_INVALID_KEY`, `CACHE_ABORTED`, `CACHE_COMPILE_FAILED`, `CACHE_CLOSED`; what `build`
   * throws
   */
  async get(key: ArtifactKey, build: Build, signal?: AbortSignal, origin?: string): Promise<CompiledArtifact> {
    const text = this.#admit(key);
    const kept = this.#memory.get(text);
    if (kept !== undefined) {
      this.#disk?.touch(key);
      return kept;
    }
    this.#builds.refuseInvalid(key);
    return this.#flights.run(
      text,
      async (stop) => this.#keep(key, await this.#builds.obtain(key, build, stop, origin)),
      {
        signal,
        onJoin: () => {
          this.#joined += 1;
        },
      },
    );
  }

  /**
   * Returns the compiled artifact of a key if memory or disk has it; builds nothing. @throws {CacheError} as `get` does
   */
  async find(key: ArtifactKey): Promise<CompiledArtifact | undefined> {
    const text = this.#admit(key);
    const kept = this.#memory.get(text);
    if (kept !== undefined) {
      this.#disk?.touch(key);
      return kept;
    }
    const read = await this.#disk?.load(key, compileArtifact);
    return read?.outcome === 'hit' ? this.#keep(key, read.compiled) : undefined;
  }

  /**
   * Returns the compiled artifact of a key, and builds it with the cache's own builder on a miss.
   * @param loadBytes returns the component; called only on a miss, and its bytes must have the key's digest
   * @throws {CacheError} `CACHE_DIGEST_MISMATCH`, and what `get` and `loadBytes` throw
   */
  getComponent(
    key: ArtifactKey,
    loadBytes: () => Promise<Uint8Array>,
    signal?: AbortSignal,
    origin?: string,
  ): Promise<CompiledArtifact> {
    const build: Build = async (stop) => {
      const { builder } = this.#options;
      if (builder === undefined) {
        throw new CacheError('CACHE_INVALID_CONFIG', 'this cache was made without a builder; give one, or call get');
      }
      const component = await loadBytes();
      const digest = await wasmDigestOf(component);
      if (digest !== key.wasmDigest) {
        throw new CacheError(
          'CACHE_DIGEST_MISMATCH',
          `the component has ${digest}, but ${key.wasmDigest} was requested`,
        );
      }
      return builder.build(component, this.#modeOf(key), stop);
    };
    return this.get(key, build, signal, origin);
  }

  /**
   * Builds components before they are needed.
   * @throws {CacheError} `CACHE_WARMUP_FAILED` in strict mode, when the first failed and all work in progress has
   * ended; `CACHE_INVALID_CONFIG`
   */
  async warmup(
    items: readonly WarmupItem[],
    mode: WarmupMode = 'best-effort',
    options: WarmupOptions = {},
  ): Promise<WarmupReport> {
    checkCacheOptions(mode, 'warmup mode', 'mode');
    checkCacheOptions(options, 'warmup');
    const { warmUp } = await import('./warmup.ts');
    return warmUp(this, items, mode, options);
  }

  /** Checks every entry on disk and everything around them. With `fix`, it repairs what can be repaired. */
  async doctor(options: DoctorOptions = {}): Promise<CacheDoctorReport> {
    checkCacheOptions(options, 'doctor');
    const { examine } = await import('./doctor.ts');
    const { maxArtifactBytes } = this.#options.config;
    return examine({ ...this.#options, root: this.root, maxArtifactBytes, profiles: this.#profiles }, options);
  }

  /**
   * Describes what is on disk according to its metadata; only `doctor` verifies it. @throws {CacheError}
   * `CACHE_UNAVAILABLE`
   */
  async survey(): Promise<CacheSurvey> {
    const { surveyDisk } = await import('./survey.ts');
    await this.#disk?.flush();
    return surveyDisk(this.root, new Set(this.#profiles.keys()));
  }

  /** Lists the origins of other engines' entries, which must be built again after a change of engine. */
  async installed(): Promise<InstalledComponents> {
    const { listInstalled } = await import('./installed.ts');
    return listInstalled(this.root, new Set(this.#profiles.keys()));
  }

  /**
   * Deletes entries: those of other profiles first, the least recently used first. @throws {CacheError}
   * `CACHE_INVALID_CONFIG`
   */
  async pruneDisk(options: PruneOptions = {}): Promise<PruneReport> {
    checkCacheOptions(options, 'prune');
    const { pruneDisk } = await import('./prune.ts');
    const { clock, config } = this.#options;
    const ownProfiles = new Set(this.#profiles.keys());
    await this.#disk?.flush();
    return pruneDisk({ root: this.root, clock, maxDiskBytes: config.maxDiskBytes, ownProfiles }, options);
  }

  /** The entries on disk, for the portable cache. */
  get store(): ArtifactStore {
    const disk = this.#disk;
    return {
      list: async function* () {
        if (disk !== undefined) yield* disk.list();
      },
      read: async (key) => {
        this.#admit(key);
        const found = await disk?.read(key);
        return found && { key, bytes: found.content, seal: found.seal };
      },
      import: async (artifact) => {
        this.#admit(artifact.key);
        if (disk === undefined) throw noDisk();
        await disk.import(artifact);
      },
    };
  }

  metrics(): CacheMetrics {
    const disk = this.#disk && { ...this.#disk.statistics, ...this.#sweeper.statistics };
    return metricsOf(this.#memory.statistics, disk, this.#builds.statistics, this.#joined);
  }

  /** Waits for work in progress, writes recorded uses and runs a sweep that is due. Later calls are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flights.settled();
    await this.#disk?.flush();
    await this.#sweeper.settled();
    this.#memory.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The folder of the disk tier. @throws {CacheError} `CACHE_UNAVAILABLE` */
  get root(): string {
    const { root } = this.#options.config;
    if (root === undefined) throw noDisk();
    return root;
  }

  #admit(key: ArtifactKey): string {
    if (this.#closed) throw new CacheError('CACHE_CLOSED', 'the artifact cache was closed');
    checkKey(key);
    this.#modeOf(key);
    return textOf(key);
  }

  /**
   * Returns the metering mode of a key. An artifact that was built for another engine's profile would be wrong for that
   * engine.
   */
  #modeOf({ engineProfileId }: ArtifactKey): MeteringMode {
    const { fuel, deadline } = this.#profileIds;
    if (engineProfileId === fuel) return 'fuel';
    if (engineProfileId === deadline) return 'deadline';
    throw new CacheError(
      'CACHE_INVALID_KEY',
      `the key is for engine profile ${engineProfileId}; this engine's are ${fuel} (fuel) and ${deadline} (deadline)`,
    );
  }

  #keep(key: ArtifactKey, compiled: CompiledArtifact): CompiledArtifact {
    this.#memory.set(textOf(key), compiled, weightOf(compiled.artifact));
    return compiled;
  }
}

function noDisk(): CacheError {
  return new CacheError(
    'CACHE_UNAVAILABLE',
    'there is no disk tier: it was switched off, or this user has no home folder; name one with VIVARIUM_CACHE_DIR',
  );
}
