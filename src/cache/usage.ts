import type { ArtifactKey } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { splitSeal } from './artifact-file.ts';
import type { CacheConfig } from './config.ts';
import type { EngineProfile } from './engine-profile.ts';
import { type CacheFiles, readOwnFile, writeWhole } from './files.ts';
import { textOf } from './keys.ts';
import { artifactFile, metadataFile, profileFolders } from './layout.ts';
import { describeEntry, type EntryMetadata, formatMetadata, MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';

/** How long uses are collected before they are written, in milliseconds. */
const GATHER_MS = 30_000;

export interface UsageOptions {
  readonly root: string;
  readonly config: CacheConfig;
  readonly profiles: ReadonlyMap<string, EngineProfile>;
  readonly files: CacheFiles;
  readonly clock: Clock;
  readonly random: Random;
}

interface Uses {
  readonly key: ArtifactKey;
  hits: number;
  lastUsedAt: number;
}

/**
 * Collects hits and writes them into the metadata later, so that no hit waits for a write. Two processes that write at
 * the same time may lose some of each other's counts, which affects only the order of `prune`.
 */
export class UsageLog {
  readonly #options: UsageOptions;
  readonly #uses = new Map<string, Uses>();
  #scheduled = false;

  constructor(options: UsageOptions) {
    this.#options = options;
  }

  touch(key: ArtifactKey): void {
    const { clock } = this.#options;
    const text = textOf(key);
    const uses = this.#uses.get(text) ?? { key, hits: 0, lastUsedAt: 0 };
    uses.hits += 1;
    uses.lastUsedAt = clock.now();
    this.#uses.set(text, uses);
    if (this.#scheduled) return;
    this.#scheduled = true;
    clock.after(GATHER_MS, () => {
      this.#scheduled = false;
      void this.flush();
    });
  }

  /** Writes the uses if possible; uses that cannot be written are dropped. */
  async flush(): Promise<void> {
    const gathered = [...this.#uses.values()];
    this.#uses.clear();
    for (const uses of gathered) await this.#write(uses).catch(() => undefined);
  }

  async #write({ key, hits, lastUsedAt }: Uses): Promise<void> {
    const { files, root, random } = this.#options;
    const metadata = await this.#read(key);
    if (metadata === undefined) return;
    const json = formatMetadata({
      ...metadata,
      hits: metadata.hits + hits,
      // A clock that was set back must not make an entry look unused.
      lastUsedAt: Math.max(metadata.lastUsedAt, lastUsedAt),
    });
    const { tmp } = profileFolders(root, key.engineProfileId);
    await writeWhole(files, metadataFile(root, key), Buffer.from(json), { folder: tmp, random, durable: false });
  }

  /** Reads the metadata, and derives it from the entry when it is missing or belongs to another one. */
  async #read(key: ArtifactKey): Promise<EntryMetadata | undefined> {
    const { files, root, config, profiles, clock } = this.#options;
    const stat = await files.lstat(artifactFile(root, key)).catch(() => undefined);
    if (stat === undefined) return undefined;
    const text = await readOwnFile(files, metadataFile(root, key), MAX_METADATA_BYTES).catch(() => undefined);
    const metadata = text === undefined ? undefined : parseMetadata(text.toString('utf8'));
    if (metadata !== undefined && textOf(metadata) === textOf(key) && metadata.bytes === stat.size) return metadata;
    const file = await readOwnFile(files, artifactFile(root, key), config.maxArtifactBytes);
    return file && describeEntry(splitSeal(file).content, file.length, profiles.get(key.engineProfileId), clock.now());
  }
}
