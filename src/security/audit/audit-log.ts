import type { AuditEntry, AuditLog } from '#core/ports/audit';
import type { Clock } from '#core/ports/clock';
import type { AuditFolder } from './audit-folder.ts';
import { type RotationLimits, type TimedEntry, writeBatch } from './audit-writer.ts';

export interface FileAuditOptions extends Partial<RotationLimits> {
  readonly folder: AuditFolder;
  readonly clock: Clock;
  /** The most entries that may wait while the disk does not accept them. Further entries are counted and dropped. */
  readonly maxPending?: number | undefined;
  /** Called when writing fails, once until it works again. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const RETRY_MS = 1_000;
/** The most entries of a batch, because it is formatted and hashed without a pause. */
const MAX_BATCH = 500;

/**
 * The audit log as JSON lines in a folder that several processes may write (see `AuditFolder`). Entries are written in
 * batches: one batch holds what arrived while the previous one was written. Entries that are not written yet are lost
 * when the process is killed.
 */
export class FileAuditLog implements AuditLog {
  readonly #options: FileAuditOptions;
  readonly #limits: RotationLimits;
  #pending: TimedEntry[] = [];
  #dropped = 0;
  #writing: Promise<void> | undefined;
  #failing = false;
  #closed = false;

  constructor(options: FileAuditOptions) {
    this.#options = options;
    this.#limits = { maxFileBytes: options.maxFileBytes ?? 16 * 2 ** 20, maxFiles: Math.max(2, options.maxFiles ?? 8) };
  }

  append(entry: AuditEntry): void {
    if (this.#closed) return;
    if (this.#pending.length >= (this.#options.maxPending ?? 10_000)) {
      this.#dropped += 1;
      return;
    }
    this.#pending.push({ entry, time: this.#options.clock.now() });
    if (!this.#failing) this.#start();
  }

  /** Waits until everything appended so far is on disk, or could not be written. */
  async flush(): Promise<void> {
    this.#start();
    while (this.#writing !== undefined) await this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  #start(): void {
    if (this.#writing !== undefined || this.#pending.length === 0) return;
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined;
      if (!this.#failing) this.#start();
    });
  }

  async #write(): Promise<void> {
    const batch = this.#pending.splice(0, MAX_BATCH);
    const lost = this.#dropped;
    const entries = lost === 0 ? batch : [...batch, this.#loss(lost)];
    try {
      await this.#options.folder.locked(() => writeBatch(this.#options.folder, entries, this.#limits));
      this.#dropped -= lost;
      this.#failing = false;
    } catch (error) {
      this.#pending = [...batch, ...this.#pending];
      this.#fail(error);
    }
  }

  #loss(count: number): TimedEntry {
    const entry = { action: 'audit:dropped', component: 'vivarium', outcome: 'failed', count } as const;
    return { entry, time: this.#options.clock.now() };
  }

  #fail(error: unknown): void {
    if (!this.#failing) this.#options.onError?.(error);
    this.#failing = true;
    this.#options.clock.after(RETRY_MS, () => this.#start());
  }
}

/** The newest entries in memory, for tests and for embedders that keep no files. */
export class MemoryAuditLog implements AuditLog {
  readonly #maxEntries: number;
  readonly #entries: AuditEntry[] = [];

  constructor(maxEntries = 10_000) {
    this.#maxEntries = maxEntries;
  }

  append(entry: AuditEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > this.#maxEntries) this.#entries.shift();
  }

  get entries(): readonly AuditEntry[] {
    return this.#entries;
  }

  async close(): Promise<void> {}
}
