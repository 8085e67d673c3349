import { constants } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { keepAlive } from '#core/event-loop';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { parseForeignJson } from '#core/text';
import { wait } from '#core/waiting';
import { openRegular } from '#files';
import { type CacheFiles, codeOf, FILE_MODE } from './files.ts';

/**
 * How often waiting threads and processes poll, in milliseconds. A random time of up to the same length is added, so
 * that they do not poll in step.
 */
const POLL_MS = 15;

/** The lock is ours until `release`. */
export interface Lease {
  /** Identifies this lease. A failure note names the lease that it ended. */
  readonly nonce: string;
  release(): Promise<void>;
}

/** Either the lock is ours, or the holder for which we waited has released it. */
export type Turn = { readonly lease: Lease } | { readonly gone: string };

export interface LeaseOptions {
  readonly files: CacheFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
}

/** One file of the lock, and its current or former holder. */
interface Holding {
  readonly generation: number;
  /** Changes with every sign of life. */
  readonly pulse: string;
  readonly holder: Holder | undefined;
}

/** Abandoned lock files by generation, each with its last pulse. */
type GivenUp = ReadonlyMap<number, string>;

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly nonce: string;
}

/**
 * A lock between threads and processes, for work that should not be done twice but may be.
 *
 * The lock is a file `<name>.<generation>`. Its holder makes it with `O_EXCL` and rewrites it as a sign of life. A
 * holder counts as dead when its process is gone (on the same host), or when its file has not changed for `leaseMs` of
 * the *watcher's* monotonic clock. Other clocks and the time stamps of files are never believed.
 *
 * A process that finds no lock file makes one of a random generation. A process that considers all holders dead makes
 * the file of the generation after the last, which only one process can do. Both then check again, and hold the lock
 * only if there are no files but their own and those of dead holders: of two processes, the later one sees the file of
 * the earlier one. A deleted name is therefore never used for another lease, and a slow process that deletes a file
 * late deletes nobody's lock.
 */
export class LeaseLock {
  readonly #options: LeaseOptions;
  readonly #folder: string;
  readonly #name: string;

  constructor(folder: string, name: string, options: LeaseOptions) {
    this.#folder = folder;
    this.#name = name;
    this.#options = options;
  }

  /** Waits for the lock. @throws the errors of the file system, and `signal`'s reason */
  async acquire(signal?: AbortSignal): Promise<Turn> {
    const { clock, leaseMs } = this.#options;
    const seen = new Map<number, { pulse: string; since: number }>();
    let waitedFor = '';
    // The clock's timers do not keep a process alive, but a waiting caller must.
    const letEnd = keepAlive();
    try {
      for (;;) {
        signal?.throwIfAborted();
        const holdings = await this.#holdings();
        if (waitedFor !== '' && holdings.every(({ holder }) => holder?.nonce !== waitedFor)) return { gone: waitedFor };
        waitedFor = holdings.at(-1)?.holder?.nonce ?? '';
        const now = clock.monotonic();
        const givenUp = new Map<number, string>();
        for (const { generation, pulse, holder } of holdings) {
          const known = seen.get(generation);
          const since = known?.pulse === pulse ? known.since : now;
          seen.set(generation, { pulse, since });
          if (isDead(holder) || now - since > leaseMs) givenUp.set(generation, pulse);
        }
        if (givenUp.size === holdings.length) {
          const lease = await this.#claim(givenUp);
          if (lease !== undefined) return { lease };
        }
        await this.#pause();
      }
    } finally {
      letEnd();
    }
  }

  /** Makes a file, and holds the lock if nobody else does. @param givenUp all files that exist */
  async #claim(givenUp: GivenUp): Promise<Lease | undefined> {
    const { files, random } = this.#options;
    const nonce = Buffer.from(random.bytes(16)).toString('hex');
    const last = Math.max(...givenUp.keys());
    const generation = givenUp.size > 0 ? last + 1 : 1 + Buffer.from(random.bytes(6)).readUIntBE(0, 6);
    const path = this.#path(generation);
    const holder: Holder = { pid: process.pid, host: hostname(), nonce };
    try {
      const handle = await files.open(path, 'wx', FILE_MODE);
      try {
        await handle.writeFile(textOf(holder, 0));
      } finally {
        await handle.close();
      }
      const others = (await this.#generations()).filter((other) => other !== generation);
      if (others.length === givenUp.size && (await this.#isUnchanged(others, givenUp))) {
        // Delete in ascending order: while a later file exists, nobody can take over because an earlier one is missing.
        for (const other of others) await files.rm(this.#path(other), { force: true });
        return this.#hold(path, holder);
      }
    } catch (cause) {
      if (codeOf(cause) === 'EEXIST') return undefined;
      await files.rm(path, { force: true }).catch(() => undefined);
      throw cause;
    }
    await files.rm(path, { force: true });
    return undefined;
  }

  /** Whether the existing files are exactly the abandoned ones, unchanged. */
  async #isUnchanged(generations: readonly number[], givenUp: GivenUp): Promise<boolean> {
    for (const generation of generations) {
      const pulse = (await this.#look(generation))?.pulse;
      if (pulse === undefined || pulse !== givenUp.get(generation)) return false;
    }
    return true;
  }

  #path(generation: number): string {
    return join(this.#folder, `${this.#name}.${generation}`);
  }

  #hold(path: string, holder: Holder): Lease {
    const { files, clock, leaseMs } = this.#options;
    let stop = (): void => undefined;
    let beats = 0;
    const beat = (): void => {
      stop = clock.after(leaseMs / 4, () => {
        beats += 1;
        // A missing file was taken over. The work goes on, because its result is right even if somebody else makes it
        // too.
        this.#renew(path, textOf(holder, beats)).then(beat, () => undefined);
      });
    };
    beat();
    let held = true;
    return {
      nonce: holder.nonce,
      release: async () => {
        if (!held) return;
        held = false;
        stop();
        await files.rm(path, { force: true });
      },
    };
  }

  /**
   * Writes a sign of life. A time stamp would not do: some file systems round it to seconds, and a wall clock may stand
   * still.
   */
  async #renew(path: string, text: string): Promise<void> {
    const { files } = this.#options;
    const handle = await openRegular(path, { links: 'refuse', flags: constants.O_WRONLY, open: files.open });
    try {
      await handle.write(text, 0);
    } finally {
      await handle.close();
    }
  }

  /** Lists the files of the lock by generation. */
  async #holdings(): Promise<readonly Holding[]> {
    const holdings: Holding[] = [];
    for (const generation of await this.#generations()) {
      const holding = await this.#look(generation);
      if (holding !== undefined) holdings.push(holding);
    }
    return holdings;
  }

  async #generations(): Promise<number[]> {
    const prefix = `${this.#name}.`;
    const names = await this.#options.files.readdir(this.#folder);
    return names
      .filter((name) => name.startsWith(prefix) && /^[1-9]\d{0,14}$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .sort((a, b) => a - b);
  }

  async #look(generation: number): Promise<Holding | undefined> {
    const { files } = this.#options;
    try {
      const handle = await openRegular(this.#path(generation), {
        links: 'refuse',
        open: files.open,
      });
      try {
        const stat = await handle.stat();
        const text = stat.size > 4096 ? '' : await handle.readFile('utf8');
        return { generation, pulse: `${stat.ino}:${stat.mtimeMs}:${text}`, holder: parseHolder(text) };
      } finally {
        await handle.close();
      }
    } catch (cause) {
      if (codeOf(cause) === 'ENOENT') return undefined;
      throw cause;
    }
  }

  #pause(): Promise<void> {
    const { clock, random } = this.#options;
    return wait(clock, POLL_MS * (1 + random.fraction()));
  }
}

/** Formats the text of a holder's file. `beat` grows, so a newer text is never shorter than an older one. */
function textOf(holder: Holder, beat: number): string {
  return JSON.stringify({ ...holder, thread: threadId, beat });
}

/**
 * Parses a holder. A holder that was killed between making its file and writing it has none; then only time can tell.
 */
function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, nonce } = parseForeignJson(text, { maxLength: 4_096 }) as Partial<Record<keyof Holder, unknown>>;
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof nonce !== 'string') return undefined;
    return { pid, host, nonce };
  } catch {
    return undefined;
  }
}

function isDead(holder: Holder | undefined): boolean {
  if (holder === undefined || holder.host !== hostname() || !Number.isSafeInteger(holder.pid) || holder.pid <= 0) {
    return false;
  }
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (thrown) {
    return codeOf(thrown) === 'ESRCH';
  }
}
