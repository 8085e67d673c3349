import { messageOf } from '#core/errors';
import type { Artifact, ArtifactKey, ArtifactTrust, CompiledArtifact, StoredArtifact } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { UnusableFile } from '#files';
import {
  checkFormat,
  type DecodedArtifact,
  decodeArtifact,
  encodeArtifact,
  joinSeal,
  splitSeal,
} from './artifact-file.ts';
import type { CacheConfig } from './config.ts';
import { DiskHealth, type DiskState, unavailable } from './disk-health.ts';
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
  writeWhole,
} from './files.ts';
import { isDigest, textOf } from './keys.ts';
import { artifactFile, metadataFile, profileFile, profileFolders } from './layout.ts';
import { describeEntry, formatMetadata } from './metadata.ts';
import { UsageLog } from './usage.ts';

export interface DiskOptions {
  readonly root: string;
  readonly config: CacheConfig;
  /** The profiles of this engine by their ids. */
  readonly profiles: ReadonlyMap<string, EngineProfile>;
  readonly trust: ArtifactTrust;
  readonly files: CacheFiles;
  readonly clock: Clock;
  readonly random: Random;
  /** Called with the size of each entry that was written. */
  readonly onWrite: (bytes: number) => void;
  /** Called when the tier stops working, for a while or permanently. */
  readonly onTrouble: (error: CacheError) => void;
}

/** The outcome of reading an entry. `damaged` says why the entry may not be used. */
export type DiskRead =
  | { readonly outcome: 'hit'; readonly compiled: CompiledArtifact }
  | { readonly outcome: 'missing' }
  | { readonly outcome: 'damaged'; readonly why: string }
  | { readonly outcome: 'failed' };

export interface DiskStatistics {
  readonly state: DiskState;
  /** The last failure. */
  readonly trouble: string | undefined;
  readonly hits: number;
  /** The number of entry files that were read, and their bytes. */
  readonly reads: number;
  readonly readBytes: number;
  readonly stores: number;
  readonly storeFailures: number;
  /** The number of entries found damaged, edited or planted. */
  readonly damaged: number;
}

interface Opened {
  readonly content: Buffer;
  readonly seal: Buffer;
  readonly decoded: DecodedArtifact;
}

/**
 * Sealed artifacts in files. Nothing here throws into a caller's load: when the disk is full, missing, read-only or not
 * ours, the cache goes on without this tier and reports it by `onTrouble`.
 */
export class DiskTier {
  readonly #options: DiskOptions;
  readonly #usage: UsageLog;
  /** What is known about each profile's folders; nothing is known, or they were missing, when it has no entry. */
  readonly #folders = new Map<string, 'usable' | 'made'>();
  readonly #health: DiskHealth;
  #counts = { hits: 0, reads: 0, readBytes: 0, stores: 0, storeFailures: 0, damaged: 0 };

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#usage = new UsageLog(options);
    this.#health = new DiskHealth(options);
  }

  get statistics(): DiskStatistics {
    const { state, trouble } = this.#health;
    return { state, trouble, ...this.#counts };
  }

  get writable(): boolean {
    return this.#health.state === 'ready';
  }

  /** Reads an entry once. Anybody may have written its bytes, so nothing is parsed before its seal is verified. */
  async load(key: ArtifactKey, compile: (artifact: Artifact) => Promise<CompiledArtifact>): Promise<DiskRead> {
    const opened = await this.#open(key);
    if ('outcome' in opened) return opened;
    try {
      const compiled = await compile(opened.decoded.artifact);
      this.#counts.hits += 1;
      this.#usage.touch(key);
      return { outcome: 'hit', compiled };
    } catch (error) {
      return this.#damaged(`its modules do not compile: ${messageOf(error)}`);
    }
  }

  /** Reads an entry's content and seal and verifies the seal. */
  async read(key: ArtifactKey): Promise<{ readonly content: Buffer; readonly seal: Buffer } | undefined> {
    const opened = await this.#open(key);
    return 'outcome' in opened ? undefined : opened;
  }

  /** Lists the keys of all entries of this engine. */
  async *list(): AsyncGenerator<ArtifactKey> {
    const { files, root, profiles } = this.#options;
    for (const engineProfileId of profiles.keys()) {
      const names = await files.readdir(profileFolders(root, engineProfileId).artifacts).catch(() => []);
      for (const name of names) {
        const key = { engineProfileId, wasmDigest: `sha256:${name.replace(/\.viva$/, '')}` };
        if (name.endsWith('.viva') && isDigest(key.wasmDigest)) yield key;
      }
    }
  }

  /** Records that the memory tier served the entry, for `prune`. */
  touch(key: ArtifactKey): void {
    this.#usage.touch(key);
  }

  /** Makes the folders, so that locks can be taken. Returns whether locking and writing are possible at all. */
  async prepare({ engineProfileId }: ArtifactKey): Promise<boolean> {
    if (!this.writable) return false;
    if (this.#folders.get(engineProfileId) === 'made') return true;
    try {
      await this.#makeFolders(engineProfileId);
      return true;
    } catch (error) {
      this.inTrouble(error, 'could not be written');
      return false;
    }
  }

  /** Seals and writes an entry. Returns whether it did. */
  async store(key: ArtifactKey, artifact: Artifact, origin?: string): Promise<boolean> {
    try {
      const content = encodeArtifact(key, artifact);
      const seal = await this.#options.trust.seal(content);
      return await this.prepared(key, () => this.#write(key, content, seal, origin).then(() => true), false);
    } catch (error) {
      this.inTrouble(error, 'could not be written');
      this.#counts.storeFailures += 1;
      return false;
    }
  }

  /**
   * Runs work that needs the folders, and repeats it once if somebody deleted them meanwhile. Returns `otherwise` when
   * there can be no folders.
   */
  async prepared<T>(key: ArtifactKey, work: () => Promise<T>, otherwise: T): Promise<T> {
    if (!(await this.prepare(key))) return otherwise;
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      this.#folders.delete(key.engineProfileId);
      return (await this.prepare(key)) ? await work() : otherwise;
    }
  }

  /**
   * Writes an entry from elsewhere under the seal that it came with.
   * @throws {CacheError} `CACHE_UNTRUSTED`, `CACHE_INVALID_ARTIFACT`, `CACHE_UNAVAILABLE`, `CACHE_UNSAFE_ROOT`
   */
  async import({ key, bytes, seal }: StoredArtifact): Promise<void> {
    const { root, trust } = this.#options;
    const content = Buffer.from(bytes);
    checkFormat(content);
    if (!(await trust.check(content, seal))) {
      throw new CacheError(
        'CACHE_UNTRUSTED',
        `no trusted key signed the artifact of ${key.wasmDigest}; sign it with a trusted key, or build the component here`,
        { details: { digest: key.wasmDigest } },
      );
    }
    if (textOf(decodeArtifact(content).key) !== textOf(key)) {
      throw new CacheError('CACHE_INVALID_ARTIFACT', `the artifact is not that of ${key.wasmDigest}`);
    }
    if (this.#health.off !== undefined) throw this.#health.off;
    try {
      await this.#makeFolders(key.engineProfileId);
      await this.#write(key, content, seal);
    } catch (cause) {
      throw cause instanceof CacheError ? cause : unavailable(root, 'could not be written', cause);
    }
  }

  /** Deletes an entry that may not be used. */
  async discard(key: ArtifactKey): Promise<void> {
    await removeEntry(this.#options.files, this.#options.root, key).catch((error: unknown) =>
      this.inTrouble(error, 'holds a damaged entry that could not be deleted'),
    );
  }

  /** Writes the uses that were recorded since the last time. */
  async flush(): Promise<void> {
    await this.#usage.flush();
  }

  /**
   * Reads an entry and verifies its seal before it splits the entry, because anybody who can write the file chooses its
   * bytes.
   */
  async #open(key: ArtifactKey): Promise<Opened | Exclude<DiskRead, { outcome: 'hit' }>> {
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
    try {
      const { content, seal } = splitSeal(file);
      const refused = await this.#check(content, seal);
      if (refused !== undefined) return refused;
      const decoded = decodeArtifact(content);
      if (textOf(decoded.key) !== textOf(key)) return this.#damaged('it is the entry of another key');
      return { content, seal, decoded };
    } catch (error) {
      return this.#damaged(messageOf(error));
    }
  }

  async #check(content: Buffer, seal: Buffer): Promise<Exclude<DiskRead, { outcome: 'hit' }> | undefined> {
    try {
      if (await this.#options.trust.check(content, seal)) return undefined;
      return this.#damaged('neither this machine nor a trusted key has sealed it');
    } catch (error) {
      this.inTrouble(error, 'could not be checked');
      return { outcome: 'failed' };
    }
  }

  async #readFile(key: ArtifactKey): Promise<Buffer | undefined> {
    const { files, root, config } = this.#options;
    if (this.#health.state === 'off') return undefined;
    if (!this.#folders.has(key.engineProfileId)) {
      if (!(await checkFolders(files, root, key.engineProfileId))) return undefined;
      this.#folders.set(key.engineProfileId, 'usable');
    }
    return readOwnFile(files, artifactFile(root, key), config.maxArtifactBytes);
  }

  async #makeFolders(engineProfileId: string): Promise<void> {
    const { files, root, profiles, random } = this.#options;
    await makeFolders(files, root, engineProfileId);
    const json = Buffer.from(`${JSON.stringify(profiles.get(engineProfileId), undefined, 2)}\n`);
    const { tmp } = profileFolders(root, engineProfileId);
    await writeWhole(files, profileFile(root, engineProfileId), json, { folder: tmp, random, durable: false });
    this.#folders.set(engineProfileId, 'made');
  }

  async #write(key: ArtifactKey, content: Buffer, seal: Uint8Array, origin?: string): Promise<void> {
    const { files, root, config, random, profiles, clock, onWrite } = this.#options;
    const file = joinSeal(content, seal);
    if (file.length > config.maxArtifactBytes) {
      throw new CacheError(
        'CACHE_INVALID_ARTIFACT',
        `an artifact of ${file.length} bytes is not kept on disk; the option cache.maxArtifactBytes is ${config.maxArtifactBytes}`,
      );
    }
    const { artifacts, tmp } = profileFolders(root, key.engineProfileId);
    const metadata = await describeEntry(content, file.length, profiles.get(key.engineProfileId), clock.now());
    await writeWhole(files, artifactFile(root, key), file, { folder: tmp, random, durable: true });
    const json = Buffer.from(formatMetadata(origin === undefined ? metadata : { ...metadata, origin }));
    await writeWhole(files, metadataFile(root, key), json, { folder: tmp, random, durable: false });
    await syncFolder(files, artifacts);
    this.#counts.stores += 1;
    onWrite(file.length + json.length);
  }

  #damaged(why: string): { readonly outcome: 'damaged'; readonly why: string } {
    this.#counts.damaged += 1;
    return { outcome: 'damaged', why };
  }

  /** Suspends writing, or disables the tier when its folder is not safe, and reports this once. */
  inTrouble(cause: unknown, what: string): void {
    this.#folders.clear();
    this.#health.report(cause, what);
  }
}
