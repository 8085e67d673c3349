/**
 * Counts restarts as OTP's supervisor does: more than `maxRestarts` in the last `withinMs`, both ends included, is too
 * many.
 */
export class RestartIntensity {
  readonly #maxRestarts: number;
  readonly #withinMs: number;
  #restarts: number[] = [];

  constructor(maxRestarts: number, withinMs: number) {
    this.#maxRestarts = maxRestarts;
    this.#withinMs = withinMs;
  }

  /** Books a restart at this moment; answers whether it may still be carried out. */
  allow(now: number): boolean {
    this.#restarts = [...this.#restarts.filter((at) => at >= now - this.#withinMs), now];
    return this.#restarts.length <= this.#maxRestarts;
  }

  /** Restarts booked in the last window. */
  get recent(): number {
    return this.#restarts.length;
  }

  reset(): void {
    this.#restarts = [];
  }
}
