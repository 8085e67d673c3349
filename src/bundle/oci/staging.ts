import { randomUUID } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { Clock } from '#core/ports/clock';
import { shownPath } from '#core/text';
import { chunkPath } from '../chunks/chunk-path.ts';
import { isTemporary } from '../chunks/chunk-store.ts';
import type { ChunkWriter } from '../chunks/chunk-writer.ts';
import { syncFolders } from '../chunks/durable.ts';
import { saveLockfile } from '../lockfile/lockfile-file.ts';
import type { Lockfile } from '../lockfile/model.ts';
import { storageFailed } from '../storage-errors.ts';

/** The folders of this thread that are in use. Its other folders were left by a failed pull. */
const live = new Set<string>();

const STALE_MS = 7 * 24 * 3_600_000;

/**
 * The folder in which a pull collects chunks before anything appears in the target:
 * `.<target>.<host>-<process>-<thread>-<random>.partial`, beside the target. The folder of a killed pull of the same
 * target is taken over, so that its chunks are not fetched again.
 */
export class Staging {
  readonly folder: string;
  readonly #target: string;
  /** The batches of a killed pull. */
  readonly #left: readonly string[];

  private constructor(folder: string, target: string) {
    this.folder = folder;
    this.#target = target;
    this.#left = temporariesIn(join(folder, 'objects'));
  }

  static open(target: string, clock: Pick<Clock, 'now'>): Staging {
    const path = resolve(target);
    const prefix = `.${basename(path)}.`;
    const folder = join(dirname(path), `${prefix}${hostname()}-${process.pid}-${threadId}-${randomUUID()}.partial`);
    try {
      mkdirSync(dirname(path), { recursive: true });
      const left = readdirSync(dirname(path)).filter((name) => name.startsWith(prefix) && name.endsWith('.partial'));
      const orphans = left
        .map((name) => join(dirname(path), name))
        .filter((each) => isOrphan(each, prefix, clock.now()));
      let adopted = false;
      for (const orphan of orphans) {
        if (adopted) rmSync(orphan, { recursive: true, force: true });
        else adopted = adopt(orphan, folder);
      }
      mkdirSync(folder, { recursive: true });
      live.add(folder);
      dropPieces(folder);
    } catch (cause) {
      throw storageFailed(`making a folder beside ${shownPath(target)}`, cause);
    }
    return new Staging(folder, path);
  }

  /**
   * Gives `writer`, which writes to this folder, the chunks that a killed pull had written but not flushed: all
   * complete ones before the first incomplete one.
   */
  async handOver(writer: ChunkWriter): Promise<void> {
    const objects = join(this.folder, 'objects');
    for (const name of this.#left) {
      for (const hash of readdirSync(join(objects, name))) {
        if (/^[0-9a-f]{64}$/.test(hash)) await writer.takeOver(join(objects, name, hash), hash);
      }
      rmSync(join(objects, name), { recursive: true, force: true });
    }
  }

  /**
   * Makes the bundle visible. A new target appears as a whole. In an existing target, new chunks are added first, which
   * nothing there names yet, and then the lockfile is replaced. At each moment the target is a complete bundle, the old
   * one or the new one.
   */
  async commit(lockfile: Lockfile, signature?: string): Promise<void> {
    try {
      await saveLockfile(this.folder, lockfile, signature);
      if (this.#becomeTarget()) {
        await syncFolders(dirname(this.#target), [dirname(this.#target)]);
        return;
      }
      this.#moveChunks(lockfile);
      await saveLockfile(this.#target, lockfile, signature);
      rmSync(this.folder, { recursive: true, force: true });
    } catch (cause) {
      throw storageFailed(`completing ${shownPath(this.#target)}`, cause);
    }
  }

  /** Ends the use of this folder. Its contents stay for the next pull; an empty one is removed. */
  release(): void {
    live.delete(this.folder);
    const objects = join(this.folder, 'objects');
    if (existsSync(objects) && readdirSync(objects).length > 0) return;
    rmSync(this.folder, { recursive: true, force: true });
  }

  #becomeTarget(): boolean {
    if (existsSync(this.#target)) return false;
    try {
      renameSync(this.folder, this.#target);
      return true;
    } catch (error) {
      // Another pull has made the target meanwhile.
      if (existsSync(this.#target)) return false;
      throw error;
    }
  }

  #moveChunks({ sources }: Lockfile): void {
    for (const { chunkHash } of sources) {
      const from = chunkPath(this.folder, chunkHash);
      const to = chunkPath(this.#target, chunkHash);
      if (!existsSync(from)) continue;
      mkdirSync(dirname(to), { recursive: true });
      renameSync(from, to);
    }
  }
}

/** Two pulls may find the same orphan; one of them wins the rename. */
function adopt(orphan: string, folder: string): boolean {
  try {
    renameSync(orphan, folder);
    return true;
  } catch {
    return false;
  }
}

/** Whether the process that made the folder is gone, as far as this machine can tell. */
function isOrphan(folder: string, prefix: string, now: number): boolean {
  const name = basename(folder).slice(prefix.length);
  const host = `${hostname()}-`;
  const own = name.startsWith(host) ? name.slice(host.length) : '';
  const [, pid, thread] = /^(\d{1,10})-(\d{1,10})-/.exec(own) ?? [];
  if (pid === undefined) return now - (statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? now) > STALE_MS;
  if (Number(pid) === process.pid) return Number(thread) === threadId && !live.has(folder);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** Removes the parts of large chunks, whose hashes are unknown. */
function dropPieces(folder: string): void {
  const objects = join(folder, 'objects');
  for (const name of temporariesIn(objects)) {
    if (!lstatSync(join(objects, name)).isDirectory()) rmSync(join(objects, name), { force: true });
  }
}

function temporariesIn(objects: string): readonly string[] {
  return existsSync(objects) ? readdirSync(objects).filter(isTemporary) : [];
}
