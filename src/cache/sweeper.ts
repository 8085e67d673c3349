import type { Clock } from '#core/ports/clock';
import type { PruneReport } from './prune.ts';

/** The milliseconds between a write and the sweep after it, so that callers who wait for the component go first. */
const DELAY_MS = 250;
/** The milliseconds between two sweeps, because a sweep checks every entry. */
const INTERVAL_MS = 5_000;
/** The number of writes after which the total is counted again, because other processes write too. */
const MAX_WRITES = 256;

export interface SweeperOptions {
  readonly clock: Clock;
  readonly maxDiskBytes: number;
  /** Deletes what exceeds the limit. */
  readonly prune: () => Promise<PruneReport>;
}

export interface SweeperStatistics {
  readonly sweeps: number;
  /** The entries that sweeps have deleted. */
  readonly swept: number;
  /** The bytes of entries on disk at the last sweep plus those written since; undefined before the first sweep. */
  readonly diskBytes: number | undefined;
}

/**
 * Keeps the disk tier below its limit: it sweeps after a write, and never while anybody waits for it. The first sweep
 * counts the bytes on disk, and later writes are added. Every process that writes sweeps for itself.
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

  /** Records that an entry was written. A sweep may follow. */
  wrote(bytes: number): void {
    this.#writes += 1;
    if (this.#known !== undefined) this.#known += bytes;
    if (this.#isDue || !this.#isNeeded) return;
    this.#isDue = true;
    const { clock } = this.#options;
    const wait = this.#sweptAt + INTERVAL_MS - clock.monotonic();
    clock.after(Math.max(DELAY_MS, wait), () => void this.settled());
  }

  /** Runs the sweep that is due, or waits for a running one. */
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
      // The folder cannot be listed. Writing to it fails too and reports the problem.
      this.#known = undefined;
    }
    this.#sweptAt = clock.monotonic();
  }
}
