import type { Artifact, ArtifactKey, ArtifactTrust, Clock, CompiledArtifact, Random } from '#core';
import { messageOf } from '#core';
import { type DecodedArtifact, decodeArtifact, encodeArtifact, joinSeal, splitSeal } from './artifact-file.ts';
import type { CacheConfig } from './config.ts';
import type { EngineProfile } from './engine-profile.ts';
import { CacheError } from './errors.ts';
import {
  type CacheFiles,
  checkFolders,
  codeOf,
  makeFolders,
  readOwnFile,
  removeEntry,
  syncFolder,
  UnusableFile,
  writeWhole,
} from './files.ts';
import { textOf } from './keys.ts';
import { artifactFile, metadataFile, profileFile, profileFolders } from './layout.ts';
import { describeEntry, formatMetadata } from './metadata.ts';
import { UsageLog } from './usage.ts';

export interface DiskOptions {
  readonly root: string;
  readonly config: CacheConfig;
  readonly profile: EngineProfile;
  readonly engineProfileId: string;
  readonly trust: ArtifactTrust;
  readonly files: CacheFiles;
  readonly clock: Clock;
  readonly random: Random;
  /** Told when the tier stops working, for a while or for good. */
  readonly onTrouble: (error: CacheError) => void;
}

/** What reading an entry came to. `damaged` says why it may not be used. */
export type DiskRead =
  | { readonly outcome: 'hit'; readonly compiled: CompiledArtifact }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'damaged'; readonly why: string }
  | { readonly outcome: 'failed' };

export interface DiskStatistics {
  /** `ready`; `suspended`: reading only, writes are tried again later; `off`: nothing is read or written. */
  readonly state: 'ready' | 'suspended' | 'off';
  /** What the last trouble was. */
  readonly trouble: string | undefined;
  readonly hits: number;
  /** Files of entries that were read, and their bytes. */
  readonly reads: number;
  readonly readBytes: number;
  readonly stores: number;
  readonly storeFailures: number;
  /** Entries found damaged, edited or planted. */
  readonly damaged: number;
}

/** How long writing is left alone after it failed. */
const SUSPENSION_MS = 60_000;

/**
 * Artifacts in files, sealed. Nothing here throws into a caller's load: a disk that is full, missing, read-only or
 * not ours leaves the cache without this tier, and `onTrouble` says so.
 */
export class DiskTier {
  readonly #options: DiskOptions;
  readonly #usage: UsageLog;
  #folders: 'unknown' | 'missing' | 'usable' | 'made' = 'unknown';
  #off: CacheError | undefined;
  #suspendedUntil = 0;
  #trouble: string | undefined;
  #counts = { hits: 0, reads: 0, readBytes: 0, stores: 0, storeFailures: 0, damaged: 0 };

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#usage = new UsageLog(options);
  }

  get locks(): string {
    return profileFolders(this.#options.root, this.#options.engineProfileId).locks;
  }

  get tmp(): string {
    return profileFolders(this.#options.root, this.#options.engineProfileId).tmp;
  }

  get statistics(): DiskStatistics {
    const state = this.#off !== undefined ? 'off' : this.writable ? 'ready' : 'suspended';
    return { state, trouble: this.#trouble, ...this.#counts };
  }

  get writable(): boolean {
    return this.#off === undefined && this.#options.clock.monotonic() >= this.#suspendedUntil;
  }

  /**
   * Reads an entry once, and has it compiled while its seal is checked: compiling runs none of it, and nothing is
   * given back before the seal is known to stand for these bytes and this key.
   */
  async load(key: ArtifactKey, compile: (artifact: Artifact) => Promise<CompiledArtifact>): Promise<DiskRead> {
    let file: Buffer | undefined;
    try {
      file = await this.#readFile(key);
    } catch (error) {
      if (error instanceof UnusableFile) return this.#damaged(error.message);
      this.inTrouble(error, 'could not be read');
      return { outcome: 'failed' };
    }
    if (file === undefined) return { outcome: 'missing' };
    this.#counts.reads += 1;
    this.#counts.readBytes += file.length;
    let opened: { content: Buffer; seal: Buffer; decoded: DecodedArtifact };
    try {
      const { content, seal } = splitSeal(file);
      opened = { content, seal, decoded: decodeArtifact(content) };
    } catch (error) {
      return this.#damaged(messageOf(error));
    }
    if (textOf(opened.decoded.key) !== textOf(key)) return this.#damaged('it is the entry of another key');
    const compiling = compile(opened.decoded.artifact);
    compiling.catch(() => undefined);
    try {
      const sealed = await this.#options.trust.check(opened.content, opened.seal);
      if (!sealed) return this.#damaged('neither this machine nor a trusted key stands for it');
    } catch (error) {
      this.inTrouble(error, 'could not be checked');
      return { outcome: 'failed' };
    }
    try {
      const compiled = await compiling;
      this.#counts.hits += 1;
      this.#usage.touch(key);
      return { outcome: 'hit', compiled };
    } catch (error) {
      return this.#damaged(`its modules do not compile: ${messageOf(error)}`);
    }
  }

  /** Notes that the memory tier served the entry, for `prune`. */
  touch(key: ArtifactKey): void {
    this.#usage.touch(key);
  }

  /** Makes the folders, so that locks can be taken; answers whether that and writing can work at all. */
  async prepare(): Promise<boolean> {
    if (!this.writable) return false;
    if (this.#folders === 'made') return true;
    const { files, root, engineProfileId, profile, random } = this.#options;
    try {
      await makeFolders(files, root, engineProfileId);
      const json = Buffer.from(`${JSON.stringify(profile, undefined, 2)}\n`);
      await writeWhole(files, profileFile(root, engineProfileId), json, { folder: this.tmp, random, durable: false });
      this.#folders = 'made';
      return true;
    } catch (error) {
      this.inTrouble(error, 'could not be written');
      return false;
    }
  }

  /** Seals and writes an entry; answers whether it did. */
  async store(key: ArtifactKey, artifact: Artifact): Promise<boolean> {
    try {
      const content = encodeArtifact(key, artifact);
      const seal = await this.#options.trust.seal(content);
      return await this.prepared(() => this.#write(key, content, seal).then(() => true), false);
    } catch (error) {
      this.inTrouble(error, 'could not be written');
      this.#counts.storeFailures += 1;
      return false;
    }
  }

  /** Does what needs the folders, once more when somebody deleted them meanwhile; `otherwise` when there can be none. */
  async prepared<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    if (!(await this.prepare())) return otherwise;
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.#folders = 'unknown';
      return (await this.prepare()) ? await work() : otherwise;
    }
  }

  /** Writes an entry whose seal was made elsewhere and checked by the caller. @throws {CacheError} `CACHE_UNAVAILABLE` */
  async adopt(key: ArtifactKey, content: Buffer, seal: Uint8Array): Promise<void> {
    const { files, root } = this.#options;
    try {
      await makeFolders(files, root, key.engineProfileId);
      await this.#write(key, content, seal);
    } catch (cause) {
      if (cause instanceof CacheError) throw cause;
      throw unavailable(root, 'could not be written', cause);
    }
  }

  /** Deletes an entry that may not be used. */
  async discard(key: ArtifactKey): Promise<void> {
    await removeEntry(this.#options.files, this.#options.root, key).catch((error: unknown) =>
      this.inTrouble(error, 'holds a damaged entry that could not be deleted'),
    );
  }

  /** Writes down what was used since the last time. */
  async flush(): Promise<void> {
    await this.#usage.flush();
  }

  async #readFile(key: ArtifactKey): Promise<Buffer | undefined> {
    const { files, root, config } = this.#options;
    if (this.#off !== undefined) return undefined;
    if (this.#folders === 'unknown' || this.#folders === 'missing') {
      this.#folders = (await checkFolders(files, root, key.engineProfileId)) ? 'usable' : 'missing';
      if (this.#folders === 'missing') return undefined;
    }
    return readOwnFile(files, artifactFile(root, key), config.maxArtifactBytes);
  }

  async #write(key: ArtifactKey, content: Buffer, seal: Uint8Array): Promise<void> {
    const { files, root, config, random, profile, clock } = this.#options;
    const file = joinSeal(content, seal);
    if (file.length > config.maxArtifactBytes) {
      throw new CacheError(
        'CACHE_INVALID_ARTIFACT',
        `an artifact of ${file.length} bytes is not kept on disk; the option cache.maxArtifactBytes is ${config.maxArtifactBytes}`,
      );
    }
    const { artifacts, tmp } = profileFolders(root, key.engineProfileId);
    const metadata = await describeEntry(content, file.length, profile, clock.now());
    await writeWhole(files, artifactFile(root, key), file, { folder: tmp, random, durable: true });
    const json = Buffer.from(formatMetadata(metadata));
    await writeWhole(files, metadataFile(root, key), json, { folder: tmp, random, durable: false });
    await syncFolder(files, artifacts);
    this.#counts.stores += 1;
  }

  #damaged(why: string): DiskRead {
    this.#counts.damaged += 1;
    return { outcome: 'damaged', why };
  }

  /** Suspends writing, or ends the tier when its folder is not safe, and says so. */
  inTrouble(cause: unknown, what: string): void {
    const { root, clock, onTrouble } = this.#options;
    this.#folders = 'unknown';
    if (cause instanceof CacheError && cause.code === 'CACHE_INVALID_ARTIFACT') {
      this.#trouble = cause.message;
      onTrouble(cause);
      return;
    }
    const error = cause instanceof CacheError ? cause : unavailable(root, what, cause);
    if (error.code === 'CACHE_UNSAFE_ROOT') this.#off = error;
    this.#suspendedUntil = clock.monotonic() + SUSPENSION_MS;
    if (this.#trouble === error.message) return;
    this.#trouble = error.message;
    onTrouble(error);
  }
}

function unavailable(root: string, what: string, cause: unknown): CacheError {
  const code = codeOf(cause);
  return new CacheError(
    'CACHE_UNAVAILABLE',
    `the cache folder ${root} ${what} (${code ?? messageOf(cause)}); components are built anew without it`,
    { cause, details: { path: root, ...(code === undefined ? {} : { reason: code }) } },
  );
}
