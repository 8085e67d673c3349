import * as promises from 'node:fs/promises';
import type {
  Artifact,
  ArtifactBuilder,
  ArtifactCache,
  ArtifactKey,
  ArtifactTrust,
  Clock,
  CompiledArtifact,
  MeteringMode,
  Random,
} from '#core';
import { messageOf } from '#core';
import { compileArtifact, weightOf } from './compile.ts';
import type { CacheConfig } from './config.ts';
import { DiskTier } from './disk.ts';
import { type EngineProfiles, engineProfileId } from './engine-profile.ts';
import { CacheError } from './errors.ts';
import { isInvalidComponent, readFailure, removeFailure, writeFailure } from './failure-note.ts';
import type { CacheFiles } from './files.ts';
import { checkKey, hexOf, textOf, wasmDigestOf } from './keys.ts';
import { type ProfileFolders, profileFolders } from './layout.ts';
import { LeaseLock, type Turn } from './lease.ts';
import { MemoryTier } from './memory.ts';
import { type CacheMetrics, metricsOf } from './metrics.ts';
import { Remembered } from './remembered.ts';
import { SingleFlight } from './singleflight.ts';

export interface CacheManagerOptions {
  readonly profiles: EngineProfiles;
  readonly config: CacheConfig;
  readonly trust: ArtifactTrust;
  readonly clock: Clock;
  readonly random: Random;
  /** What `getComponent` and `warmup` build with. `get` is given its own. */
  readonly builder?: Pick<ArtifactBuilder, 'build'> | undefined;
  /** Told when the disk tier stops working; the cache goes on without it. */
  readonly onTrouble?: ((error: CacheError) => void) | undefined;
  /** The file system; another one in tests. */
  readonly files?: CacheFiles | undefined;
}

type Build = (signal?: AbortSignal) => Promise<Artifact>;

/**
 * The artifact cache: memory, then disk, then one build however many ask, in this thread, in others and in other
 * processes. What it gives is what a build would give; a disk that fails costs time, never a load.
 */
export class CacheManager implements ArtifactCache {
  readonly #options: CacheManagerOptions;
  readonly #profileIds: Readonly<Record<MeteringMode, string>>;
  readonly #files: CacheFiles;
  readonly #memory: MemoryTier<CompiledArtifact>;
  readonly #disk: DiskTier | undefined;
  readonly #flights = new SingleFlight<CompiledArtifact>();
  readonly #invalid: Remembered<Error>;
  #counts = { compiles: 0, waits: 0, failures: 0, negativeHits: 0 };
  #closed = false;

  constructor(options: CacheManagerOptions) {
    const { profiles, config, clock } = options;
    this.#options = options;
    this.#files = options.files ?? promises;
    this.#profileIds = { fuel: engineProfileId(profiles.fuel), deadline: engineProfileId(profiles.deadline) };
    this.#memory = new MemoryTier(config.memoryBytes);
    this.#invalid = new Remembered(clock, config.negativeMs);
    this.#disk =
      config.root === undefined
        ? undefined
        : new DiskTier({
            ...options,
            root: config.root,
            profiles: new Map([
              [this.#profileIds.fuel, profiles.fuel],
              [this.#profileIds.deadline, profiles.deadline],
            ]),
            files: this.#files,
            onTrouble: (error) => options.onTrouble?.(error),
          });
  }

  /**
   * The key of a component for this engine.
   * @param component its bytes, or its digest where a lock file or a registry names it
   * @throws {CacheError} `CACHE_INVALID_KEY`
   */
  async keyOf(component: Uint8Array | string, mode: MeteringMode = 'fuel'): Promise<ArtifactKey> {
    const wasmDigest = typeof component === 'string' ? component : await wasmDigestOf(component);
    return checkKey({ engineProfileId: this.#profileIds[mode], wasmDigest });
  }

  /**
   * The compiled artifact of a key.
   * @param build makes the artifact of the bytes that the key's digest names; called on a miss only
   * @throws {CacheError} `CACHE_INVALID_KEY`, `CACHE_ABORTED`, `CACHE_COMPILE_FAILED`, `CACHE_CLOSED`; what `build` throws
   */
  async get(key: ArtifactKey, build: Build, signal?: AbortSignal): Promise<CompiledArtifact> {
    const text = this.#admit(key);
    const kept = this.#memory.get(text);
    if (kept !== undefined) {
      this.#disk?.touch(key);
      return kept;
    }
    const invalid = this.#invalid.get(text);
    if (invalid !== undefined) {
      this.#counts.negativeHits += 1;
      throw invalid;
    }
    return this.#flights.run(text, (stop) => this.#obtain(key, build, stop), {
      signal,
      onJoin: () => {
        this.#counts.waits += 1;
      },
    });
  }

  /**
   * The compiled artifact of a key, built by the cache's own builder.
   * @param loadBytes gives the component; called on a miss only, and what it gives must have the key's digest
   * @throws {CacheError} `CACHE_DIGEST_MISMATCH`, and what `get` and `loadBytes` throw
   */
  getComponent(
    key: ArtifactKey,
    loadBytes: () => Promise<Uint8Array>,
    signal?: AbortSignal,
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
          `the component has ${digest}, but ${key.wasmDigest} was asked for`,
        );
      }
      return builder.build(component, this.#modeOf(key), stop);
    };
    return this.get(key, build, signal);
  }

  metrics(): CacheMetrics {
    return metricsOf(this.#memory.statistics, this.#disk?.statistics, this.#counts);
  }

  /** Waits for what is under way and writes down what was used. Later calls are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flights.settled();
    await this.#disk?.flush();
    this.#memory.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #admit(key: ArtifactKey): string {
    if (this.#closed) throw new CacheError('CACHE_CLOSED', 'the artifact cache was closed');
    checkKey(key);
    this.#modeOf(key);
    return textOf(key);
  }

  /** What is built under another engine's profile would be wrong for that engine. */
  #modeOf({ engineProfileId }: ArtifactKey): MeteringMode {
    const { fuel, deadline } = this.#profileIds;
    if (engineProfileId === fuel) return 'fuel';
    if (engineProfileId === deadline) return 'deadline';
    throw new CacheError(
      'CACHE_INVALID_KEY',
      `the key is for engine profile ${engineProfileId}; this engine's are ${fuel} (fuel) and ${deadline} (deadline)`,
    );
  }

  async #obtain(key: ArtifactKey, build: Build, signal: AbortSignal): Promise<CompiledArtifact> {
    const disk = this.#disk;
    const { locks } = this.#folders(key);
    for (;;) {
      const read = await disk?.load(key, compileArtifact);
      if (read?.outcome === 'hit') return this.#keep(key, read.compiled);
      const turn = disk === undefined ? undefined : await this.#turn(disk, key, signal);
      if (disk === undefined || turn === undefined) return this.#keep(key, await this.#build(key, build, signal));
      if ('lease' in turn) {
        try {
          return await this.#buildAndStore(disk, key, build, signal, turn.lease.nonce);
        } finally {
          await turn.lease.release().catch(() => undefined);
        }
      }
      this.#counts.waits += 1;
      const failure = await readFailure(this.#files, locks, hexOf(key.wasmDigest));
      if (failure?.nonce === turn.gone && failure.nonce !== '') throw this.#remember(key, failure.error);
    }
  }

  /** Waits for the right to build among all threads and processes; undefined when the disk cannot tell. */
  async #turn(disk: DiskTier, key: ArtifactKey, signal: AbortSignal): Promise<Turn | undefined> {
    const { clock, random, config } = this.#options;
    const lock = new LeaseLock(this.#folders(key).locks, hexOf(key.wasmDigest), {
      files: this.#files,
      clock,
      random,
      leaseMs: config.leaseMs,
    });
    try {
      return await disk.prepared<Turn | undefined>(key, () => lock.acquire(signal), undefined);
    } catch (error) {
      signal.throwIfAborted();
      disk.inTrouble(error, 'could not be locked');
      return undefined;
    }
  }

  async #buildAndStore(
    disk: DiskTier,
    key: ArtifactKey,
    build: Build,
    signal: AbortSignal,
    nonce: string,
  ): Promise<CompiledArtifact> {
    const name = hexOf(key.wasmDigest);
    const folders = this.#folders(key);
    const read = await disk.load(key, compileArtifact);
    if (read.outcome === 'hit') return this.#keep(key, read.compiled);
    if (read.outcome === 'damaged') await disk.discard(key);
    const { clock, random, config } = this.#options;
    const failure = await readFailure(this.#files, folders.locks, name);
    if (failure !== undefined && isInvalidComponent(failure.error)) {
      const age = clock.now() - failure.at;
      if (age >= 0 && age < config.negativeMs) {
        this.#counts.negativeHits += 1;
        throw this.#remember(key, failure.error);
      }
    }
    try {
      const compiled = await this.#build(key, build, signal);
      if (failure !== undefined) await removeFailure(this.#files, folders.locks, name);
      await disk.store(key, compiled.artifact);
      return this.#keep(key, compiled);
    } catch (error) {
      if (!signal.aborted) await writeFailure(this.#files, folders, name, { error, nonce }, { clock, random });
      throw error;
    }
  }

  async #build(key: ArtifactKey, build: Build, signal: AbortSignal): Promise<CompiledArtifact> {
    this.#counts.compiles += 1;
    try {
      const artifact = await build(signal);
      return await compileArtifact(artifact).catch((cause: unknown) => {
        throw new CacheError(
          'CACHE_COMPILE_FAILED',
          `the engine refuses a module that was built for it: ${messageOf(cause)}`,
          { cause },
        );
      });
    } catch (error) {
      this.#counts.failures += 1;
      throw this.#remember(key, error);
    }
  }

  #folders(key: ArtifactKey): ProfileFolders {
    return profileFolders(this.#options.config.root ?? '', key.engineProfileId);
  }

  #keep(key: ArtifactKey, compiled: CompiledArtifact): CompiledArtifact {
    this.#memory.set(textOf(key), compiled, weightOf(compiled.artifact));
    return compiled;
  }

  #remember(key: ArtifactKey, error: unknown): unknown {
    if (isInvalidComponent(error)) this.#invalid.set(textOf(key), error);
    return error;
  }
}
