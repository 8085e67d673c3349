import * as promises from 'node:fs/promises';
import { messageOf } from '#core/errors';
import type { ArtifactKey } from '#core/ports/artifact';
import { describesProfile } from './engine-profile.ts';
import { type DoctorSubject, examineEntry, removeAll } from './examine-entry.ts';
import { checkRoot, FOLDER_MODE, isOurs, writeWhole } from './files.ts';
import { type CacheFinding, Findings } from './findings.ts';
import { formatFolder, profileFile, profileFolders } from './layout.ts';
import { MAX_METADATA_BYTES } from './metadata.ts';
import { listArtifacts, listLeftovers, listProfiles, statOf, textOfFile } from './scan.ts';

export interface CacheDoctorReport {
  readonly root: string;
  readonly profiles: number;
  readonly entries: number;
  /** The number of entries with no remaining problem. */
  readonly usable: number;
  readonly bytes: number;
  /** The bytes that the disk has left for this user; undefined when there is no cache yet. */
  readonly freeBytes: number | undefined;
  readonly findings: readonly CacheFinding[];
  /** Whether no problem remains. */
  readonly healthy: boolean;
}

export interface DoctorOptions {
  /** Repairs what can be repaired without losing anything usable. */
  readonly fix?: boolean | undefined;
  readonly onProgress?: ((checked: number, total: number) => void) | undefined;
}

const LEFTOVER_MS = 600_000;
const LOW_SPACE_BYTES = 256 * 2 ** 20;
/** How many entries are read at the same time: enough to keep the disk busy, few enough to hold in memory. */
const AT_ONCE = 8;

/** Checks every entry of every profile, and everything around them. */
export async function examine(subject: DoctorSubject, options: DoctorOptions): Promise<CacheDoctorReport> {
  const doctor = new Doctor(subject, options);
  return doctor.run();
}

class Doctor {
  readonly #subject: DoctorSubject;
  readonly #options: DoctorOptions;
  readonly #findings: Findings;
  #usable = 0;
  #bytes = 0;

  constructor(subject: DoctorSubject, options: DoctorOptions) {
    this.#subject = subject;
    this.#options = options;
    this.#findings = new Findings(options.fix === true);
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
          const bytes = await examineEntry(key, this.#subject, this.#findings);
          this.#usable += bytes === undefined ? 0 : 1;
          this.#bytes += bytes ?? 0;
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
      findings: this.#findings.all,
      healthy: this.#findings.all.every(({ fixed }) => fixed),
    };
  }

  /** Checks everything in a profile's folder except the entries, and returns the keys of those. */
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
      await this.#findings.report(path, 'orphan', 'it describes an entry that is not there', 'delete it', () =>
        removeAll(path),
      );
    }
    for (const path of listLeftovers(root, id, clock.now(), LEFTOVER_MS)) {
      const what = 'an interrupted writer or builder left it';
      await this.#findings.report(path, 'leftover', what, 'delete it', () => removeAll(path));
    }
    return keys;
  }

  /** Checks a profile's description. Returns whether the profile's entries should be checked too. */
  async #checkDescription(id: string): Promise<boolean> {
    const { root, profiles, random } = this.#subject;
    const path = profileFile(root, id);
    const json = textOfFile(path, MAX_METADATA_BYTES);
    if (json !== undefined && describesProfile(json, id)) return true;
    const own = profiles.get(id);
    const { profile, tmp } = profileFolders(root, id);
    const what = 'profile.json does not say which engine these entries are for';
    if (own === undefined) {
      await this.#findings.report(profile, 'unknown-profile', what, 'delete the folder', () => removeAll(profile));
      return false;
    }
    await this.#findings.report(path, 'unknown-profile', what, 'write it: it is this engine', async () => {
      await promises.mkdir(tmp, { recursive: true, mode: FOLDER_MODE });
      const bytes = Buffer.from(`${JSON.stringify(own, undefined, 2)}\n`);
      await writeWhole(promises, path, bytes, { folder: tmp, random, durable: false });
    });
    return true;
  }

  async #checkRoot(): Promise<boolean> {
    const { root } = this.#subject;
    try {
      return await checkRoot(promises, root);
    } catch (error) {
      await this.#findings.report(
        root,
        'unsafe-folder',
        messageOf(error),
        'name another cache folder, or mend its rights',
      );
      return false;
    }
  }

  async #checkFolder(path: string): Promise<boolean> {
    const stat = statOf(path);
    if (stat === undefined) return false;
    if (!stat.isDirectory() || !isOurs(stat.uid)) {
      const what = stat.isDirectory() ? 'it belongs to another user' : 'it is a link or not a folder';
      await this.#findings.report(path, 'unsafe-folder', what, 'name another cache folder, or remove this one by hand');
      return false;
    }
    await this.#findings.checkMode(path, FOLDER_MODE);
    return true;
  }

  async #checkSpace(): Promise<number | undefined> {
    const { root } = this.#subject;
    const space = await promises.statfs(root).catch(() => undefined);
    if (space === undefined) return undefined;
    const free = space.bavail * space.bsize;
    if (free < LOW_SPACE_BYTES) {
      const what = `${free} bytes are left on its disk`;
      await this.#findings.report(root, 'low-space', what, 'free space, for example with viv cache prune --max-bytes');
    }
    return free;
  }

  async #foreign(path: string): Promise<void> {
    await this.#findings.report(
      path,
      'foreign',
      'it is not a file of the cache',
      'remove it by hand if nobody needs it',
    );
  }
}
