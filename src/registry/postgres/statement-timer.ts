import type { Clock, StopTimer } from '#core/ports/clock';

/**
 * Ends a connection's statements that take too long. The client's own timers leave garbage behind that only a full
 * collection clears, so one timer serves many statements of a connection: it is left running when a statement ends, and
 * set again when it runs off before the time of the statement that runs then. The connection keeps the process alive
 * while a statement runs, so the timer need not.
 */
export class StatementTimer {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  #stopTimer: StopTimer | undefined;
  /** When the timer runs off, by the monotonic clock. */
  #runsOff = Number.POSITIVE_INFINITY;
  #deadline = 0;
  #expire: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#clock = clock;
  }

  /** Calls `expire` unless `stop` comes first. */
  start(timeoutMs: number, expire: () => void): void {
    this.#expire = expire;
    this.#deadline = this.#clock.monotonic() + timeoutMs;
    if (this.#deadline < this.#runsOff) this.#set(timeoutMs);
  }

  stop(): void {
    this.#expire = undefined;
  }

  /** Stops the timer of a connection that is given up. */
  end(): void {
    this.stop();
    this.#stopTimer?.();
  }

  #set(ms: number): void {
    this.#stopTimer?.();
    this.#runsOff = this.#clock.monotonic() + ms;
    this.#stopTimer = this.#clock.after(ms, () => this.#runOff());
  }

  #runOff(): void {
    this.#runsOff = Number.POSITIVE_INFINITY;
    if (this.#expire === undefined) return;
    const leftMs = this.#deadline - this.#clock.monotonic();
    if (leftMs > 0) this.#set(leftMs);
    else this.#expire();
  }
}
