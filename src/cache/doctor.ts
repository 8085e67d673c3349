import { chmodSync, rmSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import type { ArtifactKey, ArtifactTrust, Clock, Random } from '#core';
import { messageOf } from '#core';
import { decodeArtifact, splitSeal } from './artifact-file.ts';
import { describesProfile, type EngineProfile } from './engine-profile.ts';
import {
  checkRoot,
  FILE_MODE,
  FOLDER_MODE,
  isOpenToOthers,
  isOurs,
  readOwnFile,
  UnusableFile,
  writeWhole,
} from './files.ts';
import { textOf } from './keys.ts';
import { artifactFile, formatFolder, metadataFile, profileFile, profileFolders } from './layout.ts';
import { describeEntry, type EntryMetadata, formatMetadata, MAX_METADATA_BYTES, parseMetadata } from './metadata.ts';
import { listArtifacts, listLeftovers, listProfiles, statOf, textOfFile } from './scan.ts';

/** What can be wrong with a cache. */
export type CacheProblem =
  /** A folder is a link, another user's, or missing its owner's rights. */
  | 'unsafe-folder'
  /** Others may read or write a file or folder. */
  | 'open-to-others'
  /** An entry cannot be read. */
  | 'unreadable'
  /** An entry is not an artifact file: truncated, damaged, a link, too large. */
  | 'damaged'
  /** An entry lies under another key's name. */
  | 'wrong-key'
  /** Neither this machine nor a trusted key stands for an entry. */
  | 'untrusted'
  /** The metadata of an entry is missing, or is not what the entry is. */
  | 'wrong-metadata'
  /** Metadata without an entry. */
  | 'orphan'
  /** A temporary file or a lock that nobody needs any more. */
  | 'leftover'
  /** Entries of a profile that nothing describes. */
  | 'unknown-profile'
  /** A file that is not the cache's. */
  | 'foreign'
  /** The disk is nearly full. */
  | 'low-space';

export interface CacheFinding {
  readonly path: string;
  readonly problem: CacheProblem;
  /** What is wrong, for people. */
  readonly message: string;
  /** What would mend it, for people. */
  readonly remedy: string;
  /** Whether it was mended now. */
  readonly fixed: boolean;
}

export interface CacheDoctorReport {
  readonly root: string;
  readonly profiles: number;
  readonly entries: number;
  /** Entries with which nothing is wrong, or nothing any more. */
  readonly usable: number;
  readonly bytes: number;
  /** Bytes that the disk has left for this user; undefined where there is no cache yet. */
  readonly freeBytes: number | undefined;
  readonly findings: readonly CacheFinding[];
  /** Whether something is left wrong. */
  readonly healthy: boolean;
}

export interface DoctorSubject {
  readonly root: string;
  readonly maxArtifactBytes: number;
  readonly trust: ArtifactTrust;
  readonly clock: Clock;
  readonly random: Random;
  readonly profiles: ReadonlyMap<string, EngineProfile>;
}

export interface DoctorOptions {
  /** Mend what can be mended without losing anything that could be used. */
  readonly fix?: boolean | undefined;
  readonly onProgress?: ((checked: number, total: number) => void) | undefined;
}

const LEFTOVER_MS = 600_000;
const LOW_SPACE_BYTES = 256 * 2 ** 20;
/** Entries that are read at the same time: enough to keep the disk busy, few enough to hold in memory. */
const AT_ONCE = 8;

type Fix = () => void | Promise<void>;

/** Checks every entry of every profile, and everything around them. */
export async function examine(subject: DoctorSubject, options: DoctorOptions): Promise<CacheDoctorReport> {
  const doctor = new Doctor(subject, options);
  return doctor.run();
}

class Doctor {
  readonly #subject: DoctorSubject;
  readonly #options: DoctorOptions;
  readonly #findings: CacheFinding[] = [];
  #usable = 0;
  #bytes = 0;

  constructor(subject: DoctorSubject, options: DoctorOptions) {
    this.#subject = subject;
    this.#options = options;
  }

  async run(): Promise<CacheDoctorReport> {
    const { root } = this.#subject;
    const there = (await this.#checkRoot()) && (await this.#checkFolder(formatFolder(root)));
    const { ids, foreign } = there ? listProfiles(root) : { ids: [], foreign: [] };
    for (const path of foreign) await this.#foreign(path);
    const keys: ArtifactKey[] = [];
    for (const id of ids) keys.push(...(await this.#checkProfile(id)));
    let checked = 0;
    const rest = keys.values();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const key of rest) {
          await this.#checkEntry(key);
          checked += 1;
          this.#options.onProgress?.(checked, keys.length);
        }
      }),
    );
    return {
      root,
      profiles: ids.length,
      entries: keys.length,
      usable: this.#usable,
      bytes: this.#bytes,
      freeBytes: await this.#checkSpace(),
      findings: this.#findings,
      healthy: this.#findings.every(({ fixed }) => fixed),
    };
  }

  /** Everything in a profile's folder but the entries themselves, whose keys it gives back. */
  async #checkProfile(id: string): Promise<readonly ArtifactKey[]> {
    const { root, clock } = this.#subject;
    const { profile, artifacts, locks, tmp } = profileFolders(root, id);
    for (const folder of [profile, artifacts, locks, tmp]) {
      if (statOf(folder) !== undefined && !(await this.#checkFolder(folder))) return [];
    }
    const files = listArtifacts(root, id);
    if (!(await this.#checkDescription(id))) return [];
    const keys = files.flatMap(({ kind, key }) => (kind === 'artifact' && key !== undefined ? [key] : []));
    const there = new Set(keys.map(({ wasmDigest }) => wasmDigest));
    for (const { path, kind, key } of files) {
      if (kind === 'foreign') await this.#foreign(path);
      if (kind !== 'metadata' || key === undefined || there.has(key.wasmDigest)) continue;
      await this.#report(path, 'orphan', 'it describes an entry that is not there', 'delete it', () => removeAll(path));
    }
    for (const path of listLeftovers(root, id, clock.now(), LEFTOVER_MS)) {
      const what = 'an interrupted writer or builder left it';
      await this.#report(path, 'leftover', what, 'delete it', () => removeAll(path));
    }
    return keys;
  }

  /** Whether the profile's entries are worth looking at. */
  async #checkDescription(id: string): Promise<boolean> {
    const { root, profiles, random } = this.#subject;
    const path = profileFile(root, id);
    const json = textOfFile(path, MAX_METADATA_BYTES);
    if (json !== undefined && describesProfile(json, id)) return true;
    const own = profiles.get(id);
    const { profile, tmp } = profileFolders(root, id);
    const what = 'profile.json does not say which engine these entries are for';
    if (own === undefined) {
      await this.#report(profile, 'unknown-profile', what, 'delete the folder', () => removeAll(profile));
      return false;
    }
    await this.#report(path, 'unknown-profile', what, 'write it: it is this engine', async () => {
      await promises.mkdir(tmp, { recursive: true, mode: FOLDER_MODE });
      const bytes = Buffer.from(`${JSON.stringify(own, undefined, 2)}\n`);
      await writeWhole(promises, path, bytes, { folder: tmp, random, durable: false });
    });
    return true;
  }

  async #checkEntry(key: ArtifactKey): Promise<void> {
    const { root, trust, maxArtifactBytes } = this.#subject;
    const path = artifactFile(root, key);
    const discard = (): void => {
      removeAll(path);
      removeAll(metadataFile(root, key));
    };
    const again = 'delete the entry; it is built again when it is needed';
    await this.#checkMode(path, FILE_MODE);
    let file: Buffer | undefined;
    try {
      file = await readOwnFile(promises, path, maxArtifactBytes);
    } catch (error) {
      const problem = error instanceof UnusableFile ? 'damaged' : 'unreadable';
      await this.#report(path, problem, messageOf(error), again, discard);
      return;
    }
    // Somebody deleted it while we were looking elsewhere.
    if (file === undefined) return;
    let content: Buffer;
    let seal: Buffer;
    try {
      const parts = splitSeal(file);
      content = parts.content;
      const found = decodeArtifact(content).key;
      if (textOf(found) !== textOf(key)) {
        const what = `it is the entry of ${found.wasmDigest.slice(0, 80)} under another name`;
        await this.#report(path, 'wrong-key', what, again, discard);
        return;
      }
      seal = parts.seal;
    } catch (error) {
      await this.#report(path, 'damaged', messageOf(error), again, discard);
      return;
    }
    try {
      if (!(await trust.check(content, seal))) {
        const what = 'neither this machine nor a trusted key stands for it';
        await this.#report(path, 'untrusted', what, again, discard);
        return;
      }
    } catch (error) {
      // The entry may be right: it is not deleted for what is wrong with the keys.
      await this.#report(path, 'unreadable', messageOf(error), 'mend the keys that the message names');
      return;
    }
    this.#bytes += file.length;
    this.#usable += 1;
    await this.#checkMetadata(key, content, file.length);
  }

  async #checkMetadata(key: ArtifactKey, content: Buffer, fileBytes: number): Promise<void> {
    const { root, clock, random, profiles } = this.#subject;
    const path = metadataFile(root, key);
    const text = textOfFile(path, MAX_METADATA_BYTES);
    const found = text === undefined ? undefined : parseMetadata(text);
    const builtWith = profiles.get(key.engineProfileId) ?? found;
    const right = await describeEntry(content, fileBytes, builtWith, clock.now());
    if (statOf(path) !== undefined) await this.#checkMode(path, FILE_MODE);
    const wrong = found === undefined ? ['all of it'] : differences(found, right);
    if (wrong.length === 0) return;
    const what = text === undefined ? 'the entry has no metadata' : `the metadata lies about ${wrong.join(', ')}`;
    await this.#report(path, 'wrong-metadata', what, 'write it anew from the entry', async () => {
      removeAll(path);
      const kept =
        found === undefined ? {} : { createdAt: found.createdAt, lastUsedAt: found.lastUsedAt, hits: found.hits };
      const json = Buffer.from(formatMetadata({ ...right, ...kept }));
      const { tmp } = profileFolders(root, key.engineProfileId);
      await promises.mkdir(tmp, { recursive: true, mode: FOLDER_MODE });
      await writeWhole(promises, path, json, { folder: tmp, random, durable: false });
    });
  }

  async #checkRoot(): Promise<boolean> {
    const { root } = this.#subject;
    try {
      return await checkRoot(promises, root);
    } catch (error) {
      await this.#report(root, 'unsafe-folder', messageOf(error), 'name another cache folder, or mend its rights');
      return false;
    }
  }

  async #checkFolder(path: string): Promise<boolean> {
    const stat = statOf(path);
    if (stat === undefined) return false;
    if (!stat.isDirectory() || !isOurs(stat.uid)) {
      const what = stat.isDirectory() ? 'it belongs to another user' : 'it is a link or not a folder';
      await this.#report(path, 'unsafe-folder', what, 'name another cache folder, or remove this one by hand');
      return false;
    }
    await this.#checkMode(path, FOLDER_MODE);
    return true;
  }

  async #checkMode(path: string, mode: number): Promise<void> {
    const stat = statOf(path);
    if (stat === undefined || stat.isSymbolicLink() || !isOpenToOthers(stat.mode)) return;
    const what = `its mode is ${(stat.mode & 0o777).toString(8)}`;
    await this.#report(path, 'open-to-others', what, `chmod ${mode.toString(8)}`, () => chmodSync(path, mode));
  }

  async #checkSpace(): Promise<number | undefined> {
    const { root } = this.#subject;
    const space = await promises.statfs(root).catch(() => undefined);
    if (space === undefined) return undefined;
    const free = space.bavail * space.bsize;
    if (free < LOW_SPACE_BYTES) {
      const what = `${free} bytes are left on its disk`;
      await this.#report(root, 'low-space', what, 'free space, for example with viv cache prune --max-bytes');
    }
    return free;
  }

  async #foreign(path: string): Promise<void> {
    await this.#report(path, 'foreign', 'it is not a file of the cache', 'remove it by hand if nobody needs it');
  }

  async #report(path: string, problem: CacheProblem, message: string, remedy: string, fix?: Fix): Promise<void> {
    let fixed = false;
    let said = message;
    if (this.#options.fix && fix !== undefined) {
      try {
        await fix();
        fixed = true;
      } catch (error) {
        said = `${message}; it could not be mended: ${messageOf(error)}`;
      }
    }
    this.#findings.push({ path, problem, message: said, remedy, fixed });
  }
}

/** The fields that an entry's bytes decide. */
function differences(found: EntryMetadata, right: EntryMetadata): string[] {
  const decided = [
    'engineProfileId',
    'wasmDigest',
    'bytes',
    'javascriptBytes',
    'coreModuleBytes',
    'blake3',
    'jcoVersion',
    'meteringVersion',
  ] as const;
  return decided.filter((field) => found[field] !== right[field]);
}

function removeAll(path: string): void {
  rmSync(path, { force: true, recursive: true });
}
