import { createHash } from 'node:crypto';
import { lstatSync, readlinkSync, utimesSync } from 'node:fs';
import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '#core/ports/clock';
import { parseForeignJson } from '#core/text';
import { every } from '#core/waiting';
import { readRegularSync } from '#files';
import { storageFailed } from './storage-errors.ts';

const LEASE = 'lease';
const RENEWED_MS = 60_000;
/** A lease of another machine or container that was not renewed for this long has no holder any more. */
const EXPIRED_MS = 3_600_000;
/** The age limit for a folder without a lease, or whose process number another process may have by now. */
const OLD_MS = 24 * 3_600_000;

/**
 * A folder for one push or pull, `vivarium-<kind>-<key>-<random>` in the system's temporary folder. It contains a
 * lease: a file with the process's name, whose time is renewed. A killed process leaves its folder behind. The next
 * process of this user takes it over if it has the same purpose, or removes it.
 */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string;
  readonly #stopRenewal: () => void;

  private constructor(path: string, clock: Pick<Clock, 'now' | 'after'>) {
    this.path = path;
    this.#stopRenewal = every(clock, RENEWED_MS, () => renew(path, clock));
  }

  /** @param purpose the folder's purpose; a leftover folder with the same purpose is taken over */
  static async make(
    kind: 'push' | 'pull',
    purpose: string,
    clock: Pick<Clock, 'now' | 'after'>,
  ): Promise<TemporaryFolder> {
    const prefix = `vivarium-${kind}-${createHash('sha256').update(purpose).digest('hex').slice(0, 16)}-`;
    try {
      const orphans = await orphansIn(tmpdir(), clock.now());
      const path = await mkdtemp(join(tmpdir(), prefix));
      await using lease = await open(join(path, LEASE), 'wx');
      await lease.writeFile(JSON.stringify(self()));
      const folder = new TemporaryFolder(path, clock);
      for (const orphan of orphans) {
        // If two processes find the same orphan, one wins the rename.
        if (orphan.includes(prefix)) await rename(join(orphan, 'bundle'), join(path, 'bundle')).catch(() => undefined);
        if (orphan.includes(prefix)) await takePartials(orphan, path);
        await rm(orphan, { recursive: true, force: true });
      }
      return folder;
    } catch (cause) {
      throw storageFailed(`making a folder in ${tmpdir()}`, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopRenewal();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Takes over what a killed pull had collected beside its bundle (`Staging`). */
async function takePartials(from: string, to: string): Promise<void> {
  for (const name of await readdir(from).catch(() => [])) {
    if (name.endsWith('.partial')) await rename(join(from, name), join(to, name)).catch(() => undefined);
  }
}

interface Holder {
  readonly host: string;
  readonly pid: number;
  /**
   * Identifies the process namespace, because containers may share a temporary folder and a host name but number
   * processes separately.
   */
  readonly space: string;
}

function self(): Holder {
  let space = '';
  try {
    space = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has process namespaces.
  }
  return { host: hostname(), pid: process.pid, space };
}

async function orphansIn(folder: string, now: number): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => /^vivarium-(?:push|pull)-/.test(name));
  return names.map((name) => join(folder, name)).filter((path) => isOrphan(path, now));
}

function isOrphan(path: string, now: number): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // Anybody can make a folder or link of this name in a shared temporary folder.
  if (stats === undefined || !stats.isDirectory() || stats.uid !== (process.getuid?.() ?? stats.uid)) return false;
  const lease = lstatSync(join(path, LEASE), { throwIfNoEntry: false });
  if (lease === undefined || !lease.isFile() || lease.size > 4_096) return now - stats.mtimeMs > OLD_MS;
  const age = now - lease.mtimeMs;
  const holder = holderIn(join(path, LEASE));
  const own = self();
  if (holder?.host !== own.host || holder.space !== own.space) return age > EXPIRED_MS;
  return !isAlive(holder.pid) || age > OLD_MS;
}

function holderIn(file: string): (Partial<Holder> & { readonly pid: number }) | undefined {
  try {
    const value: unknown = parseForeignJson(readRegularSync(file, 4_096, { links: 'refuse' }), { maxLength: 4_096 });
    if (typeof value !== 'object' || value === null) return undefined;
    const { host, pid, space } = value as Record<string, unknown>;
    if (typeof host !== 'string' || typeof space !== 'string' || !Number.isSafeInteger(pid)) return undefined;
    return { host, space, pid: pid as number };
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function renew(path: string, clock: Pick<Clock, 'now'>): void {
  try {
    utimesSync(join(path, LEASE), clock.now() / 1_000, clock.now() / 1_000);
  } catch {
    // Somebody removed the lease; the transfer itself will notice.
  }
}
