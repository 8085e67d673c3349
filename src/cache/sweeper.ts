import type { Clock } from '#core/ports/clock';
import type { PruneReport } from './prune.ts';

/** Between a write and the sweep that it causes, in milliseconds: whoever waits for the component goes first. */
const DELAY_MS = 250;
/** Between two sweeps: a sweep looks at every entry. */
const INTERVAL_MS = 5_000;
/** Writes after which the total is counted anew, because other processes write too. */
const MAX_WRITES = 256;

export interface SweeperOptions {
  readonly clock: Clock;
  readonly maxDiskBytes: number;
  /** Deletes what is too much. */
  readonly prune: () => Promise<PruneReport>;
}

export interface SweeperStatistics {
  readonly sweeps: number;
  /** Entries that sweeps deleted. */
  readonly swept: number;
  /** Bytes of entries on disk at the last sweep and written since; undefined before the first. */
  readonly diskBytes: number | undefined;
}

/**
 * Holds the disk tier below its limit: after a write, and never while anybody waits for it. How much there is, is counted
 * by the first sweep and kept in mind; every process that writes sweeps for itself.
 */
export class DiskSweeper {
  readonly #options: SweeperOptions;
  #known: number | undefined;
  #writes = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #running: Promise<void> | undefined;
  #counts = { sweeps: 0, swept: 0 };

  constructor(options: SweeperOptions) {
    this.#options = options;
  }

  get statistics(): SweeperStatistics {
    return { ...this.#counts, diskBytes: this.#known };
  }

  /** Notes that an entry was written; a sweep may follow. */
  wrote(bytes: number): void {
    this.#writes += 1;
    if (this.#known !== undefined) this.#known += bytes;
    if (this.#isDue || !this.#isNeeded) return;
    this.#isDue = true;
    const { clock } = this.#options;
    const wait = this.#sweptAt + INTERVAL_MS - clock.monotonic();
    clock.after(Math.max(DELAY_MS, wait), () => void this.settled());
  }

  /** Does the sweep that is due, or waits for the one that runs. */
  async settled(): Promise<void> {
    await this.#running;
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#running = this.#sweep().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  get #isNeeded(): boolean {
    return this.#known === undefined || this.#known > this.#options.maxDiskBytes || this.#writes >= MAX_WRITES;
  }

  async #sweep(): Promise<void> {
    const { clock, prune } = this.#options;
    this.#writes = 0;
    try {
      const { keptBytes, removed } = await prune();
      this.#known = keptBytes;
      this.#counts.sweeps += 1;
      this.#counts.swept += removed.length;
    } catch {
      // A folder that cannot be listed: writing to it is in trouble too, and says so.
      this.#known = undefined;
    }
    this.#sweptAt = clock.monotonic();
  }
}
