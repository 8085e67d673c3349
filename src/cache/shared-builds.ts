import { messageOf } from '#core/errors';
import type { Artifact, ArtifactKey, CompiledArtifact } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { compileArtifact } from './compile.ts';
import type { CacheConfig } from './config.ts';
import type { DiskTier } from './disk.ts';
import { CacheError } from './errors.ts';
import { type FailureNote, isInvalidComponent, readFailure, removeFailure, writeFailure } from './failure-note.ts';
import type { CacheFiles } from './files.ts';
import { hexOf, textOf } from './keys.ts';
import { profileFolders } from './layout.ts';
import { LeaseLock, type Turn } from './lease.ts';
import { Remembered } from './remembered.ts';

/** Makes an artifact. Its signal is aborted when nobody waits for it any more. */
export type Build = (signal?: AbortSignal) => Promise<Artifact>;

export interface SharedBuildsOptions {
  readonly config: CacheConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly files: CacheFiles;
  readonly disk: DiskTier | undefined;
}

export interface BuildStatistics {
  /** The builds that were started here. */
  readonly compiles: number;
  /** How often a build of another thread or process was awaited. */
  readonly waits: number;
  readonly failures: number;
  readonly negativeHits: number;
}

/** Returns the artifact on disk, or builds it once, in whichever thread or process gets the lock first. */
export class SharedBuilds {
  readonly #options: SharedBuildsOptions;
  readonly #invalid: Remembered<Error>;
  #counts = { compiles: 0, waits: 0, failures: 0, negativeHits: 0 };

  constructor(options: SharedBuildsOptions) {
    this.#options = options;
    this.#invalid = new Remembered(options.clock, options.config.negativeMs);
  }

  get statistics(): BuildStatistics {
    return { ...this.#counts };
  }

  /** Rejects a component that was found invalid a moment ago. @throws the error of that time */
  refuseInvalid(key: ArtifactKey): void {
    const known = this.#invalid.get(textOf(key));
    if (known === undefined) return;
    this.#counts.negativeHits += 1;
    throw known;
  }

  async obtain(
    key: ArtifactKey,
    build: Build,
    signal: AbortSignal,
    origin: string | undefined,
  ): Promise<CompiledArtifact> {
    const { disk } = this.#options;
    for (;;) {
      const read = await disk?.load(key, compileArtifact);
      if (read?.outcome === 'hit') return read.compiled;
      const turn = disk === undefined ? undefined : await this.#turn(disk, key, signal);
      if (disk === undefined || turn === undefined) return this.#build(key, build, signal);
      if ('lease' in turn) {
        try {
          return await this.#buildAndStore(disk, key, build, signal, { nonce: turn.lease.nonce, origin });
        } finally {
          await turn.lease.release().catch(() => undefined);
        }
      }
      this.#counts.waits += 1;
      const failure = await this.#failureOf(key);
      if (failure?.nonce === turn.gone && failure.nonce !== '') throw this.#remember(key, failure.error);
    }
  }

  /** Waits for the lock among all threads and processes; undefined when the disk does not support locks. */
  async #turn(disk: DiskTier, key: ArtifactKey, signal: AbortSignal): Promise<Turn | undefined> {
    const { locks } = this.#folders(key);
    const lock = new LeaseLock(locks, hexOf(key.wasmDigest), {
      ...this.#options,
      leaseMs: this.#options.config.leaseMs,
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
    { nonce, origin }: { readonly nonce: string; readonly origin: string | undefined },
  ): Promise<CompiledArtifact> {
    const { clock, config, files } = this.#options;
    // The previous holder may have stored the artifact since we checked.
    const read = await disk.load(key, compileArtifact);
    if (read.outcome === 'hit') return read.compiled;
    if (read.outcome === 'damaged') await disk.discard(key);
    const failure = await this.#failureOf(key);
    if (failure !== undefined && isInvalidComponent(failure.error)) {
      const age = clock.now() - failure.at;
      if (age >= 0 && age < config.negativeMs) {
        this.#counts.negativeHits += 1;
        throw this.#remember(key, failure.error);
      }
    }
    let compiled: CompiledArtifact;
    try {
      compiled = await this.#build(key, build, signal);
    } catch (error) {
      const name = hexOf(key.wasmDigest);
      if (!signal.aborted) await writeFailure(files, this.#folders(key), name, { error, nonce }, this.#options);
      throw error;
    }
    if (failure !== undefined) await removeFailure(files, this.#folders(key).locks, hexOf(key.wasmDigest));
    await disk.store(key, compiled.artifact, origin);
    return compiled;
  }

  async #build(key: ArtifactKey, build: Build, signal: AbortSignal): Promise<CompiledArtifact> {
    this.#counts.compiles += 1;
    try {
      const artifact = await build(signal);
      return await compileArtifact(artifact).catch((cause: unknown) => {
        throw new CacheError(
          'CACHE_COMPILE_FAILED',
          `the engine rejects a module that was built for it: ${messageOf(cause)}`,
          { cause },
        );
      });
    } catch (error) {
      this.#counts.failures += 1;
      throw this.#remember(key, error);
    }
  }

  #failureOf(key: ArtifactKey): Promise<FailureNote | undefined> {
    return readFailure(this.#options.files, this.#folders(key).locks, hexOf(key.wasmDigest));
  }

  #folders(key: ArtifactKey): { readonly locks: string; readonly tmp: string } {
    return profileFolders(this.#options.config.root ?? '', key.engineProfileId);
  }

  #remember(key: ArtifactKey, error: unknown): unknown {
    if (isInvalidComponent(error)) this.#invalid.set(textOf(key), error);
    return error;
  }
}
