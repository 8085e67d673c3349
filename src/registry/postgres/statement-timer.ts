/**
 * Ends a connection's statements that take too long. The client's own timers leave garbage behind that only a full
 * collection clears, so one timer serves all statements of a connection and is restarted for each.
 */
export class StatementTimer {
  #timer: NodeJS.Timeout | undefined;
  #timeoutMs = 0;
  #expire: (() => void) | undefined;

  /** Calls `expire` unless `stop` comes first. */
  start(timeoutMs: number, expire: () => void): void {
    this.#expire = expire;
    if (this.#timer !== undefined && timeoutMs === this.#timeoutMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timeoutMs = timeoutMs;
    // The connection keeps the process alive while a statement runs, so the timer need not.
    this.#timer = setTimeout(() => this.#expire?.(), timeoutMs).unref();
  }

  stop(): void {
    this.#expire = undefined;
  }

  /** Stops the timer of a connection that is given up. */
  end(): void {
    this.stop();
    clearTimeout(this.#timer);
  }
}
