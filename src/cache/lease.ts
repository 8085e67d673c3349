import { hostname } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { type Clock, parseForeignJson, type Random } from '#core';
import { openRegular } from '#files';
import { type CacheFiles, codeOf, FILE_MODE } from './files.ts';

/** How often those who wait look, in milliseconds; up to as much again is added so that they do not look in step. */
const POLL_MS = 15;

/** The lock is ours until `release`. */
export interface Lease {
  /** Names this holding; a failure that is left behind says which one it ended. */
  readonly nonce: string;
  release(): Promise<void>;
}

/** Either the lock is ours, or the holder that we waited for has let go of it. */
export type Turn = { readonly lease: Lease } | { readonly gone: string };

export interface LeaseOptions {
  readonly files: CacheFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
}

interface Holding {
  readonly generation: number;
  /** Changes with every sign of life. */
  readonly pulse: string;
  readonly holder: Holder | undefined;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  readonly nonce: string;
}

/**
 * A lock between threads and processes, for work that may be done twice but should not be.
 *
 * It is a file `<name>.<generation>`, made with `O_EXCL` and touched by its holder while it lives. A holder is given up
 * when its process is gone (same host), or when its file has not changed for `leaseMs` of the *watcher's* monotonic
 * clock: no wall clock of anyone is believed. The next holder makes generation n + 1, and that can be done once, so two
 * watchers that give up the same holder at the same time do not both follow it.
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

  /** Waits for a turn. @throws what the file system throws, and `signal`'s reason */
  async acquire(signal?: AbortSignal): Promise<Turn> {
    const { clock, leaseMs } = this.#options;
    let watched: { pulse: string; nonce: string; since: number } | undefined;
    // The clock's timers do not keep a process alive, but somebody who waits does.
    const alive = setInterval(() => undefined, 2 ** 30);
    try {
      for (;;) {
        signal?.throwIfAborted();
        const holding = await this.#current();
        if (holding === undefined) {
          if (watched !== undefined) return { gone: watched.nonce };
          const lease = await this.#claim(1, undefined);
          if (lease !== undefined) return { lease };
        } else {
          const nonce = holding.holder?.nonce ?? '';
          if (watched !== undefined && watched.nonce !== '' && watched.nonce !== nonce) return { gone: watched.nonce };
          if (watched?.pulse !== holding.pulse) watched = { pulse: holding.pulse, nonce, since: clock.monotonic() };
          if (isDead(holding.holder) || clock.monotonic() - watched.since > leaseMs) {
            const lease = await this.#claim(holding.generation + 1, holding.pulse);
            if (lease !== undefined) return { lease };
            watched = undefined;
          }
        }
        await this.#pause();
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** Makes the file of a generation. @param givenUp the pulse of the holder that is passed over, if there was one */
  async #claim(generation: number, givenUp: string | undefined): Promise<Lease | undefined> {
    const { files, random } = this.#options;
    const nonce = Buffer.from(random.bytes(16)).toString('hex');
    const path = join(this.#folder, `${this.#name}.${generation}`);
    const holder = { pid: process.pid, thread: threadId, host: hostname(), nonce };
    try {
      const handle = await files.open(path, 'wx', FILE_MODE);
      try {
        await handle.writeFile(JSON.stringify(holder));
      } finally {
        await handle.close();
      }
    } catch (cause) {
      if (codeOf(cause) === 'EEXIST') return undefined;
      await files.rm(path, { force: true }).catch(() => undefined);
      throw cause;
    }
    // Since we looked, the holder may have let go and another come in: the last to make its file sees the other's.
    const others = (await this.#generations()).filter((other) => other !== generation);
    const passed = givenUp === undefined ? undefined : await this.#look(generation - 1);
    const free = givenUp === undefined ? others.length === 0 : passed?.pulse === givenUp;
    if (!free || others.some((other) => other > generation)) {
      await files.rm(path, { force: true });
      return undefined;
    }
    for (const other of others) await files.rm(join(this.#folder, `${this.#name}.${other}`), { force: true });
    return this.#hold(path, nonce);
  }

  #hold(path: string, nonce: string): Lease {
    const { files, clock, leaseMs } = this.#options;
    let stop = (): void => undefined;
    const beat = (): void => {
      stop = clock.after(leaseMs / 4, () => {
        const now = new Date(clock.now());
        // A file that is gone was taken over: the work goes on, as its result is right whoever else makes it too.
        files.utimes(path, now, now).then(beat, () => undefined);
      });
    };
    beat();
    let held = true;
    return {
      nonce,
      release: async () => {
        if (!held) return;
        held = false;
        stop();
        await files.rm(path, { force: true });
      },
    };
  }

  /** The newest generation, if the lock is held or was left. */
  async #current(): Promise<Holding | undefined> {
    const generation = (await this.#generations()).at(-1);
    return generation === undefined ? undefined : this.#look(generation);
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
      const handle = await openRegular(join(this.#folder, `${this.#name}.${generation}`), {
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
    return new Promise((resolve) => {
      clock.after(POLL_MS * (1 + random.fraction()), resolve);
    });
  }
}

/** A holder that was killed between making its file and writing it has none; then only time tells. */
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
