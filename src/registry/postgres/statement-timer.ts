/**
 * Ends a connection's statement that takes too long: the client's own timer for each leaves garbage behind that only a full
 * collection clears. One timer serves all statements of a connection, one after the other, and is moved on at each.
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
    // The connection keeps the process alive as long as a statement is under way.
    this.#timer = setTimeout(() => this.#expire?.(), timeoutMs).unref();
  }

  stop(): void {
    this.#expire = undefined;
  }

  /** For a connection that is given up. */
  end(): void {
    this.stop();
    clearTimeout(this.#timer);
  }
}
