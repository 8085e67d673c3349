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

  /** Records a restart now. Returns whether it is still allowed. */
  allow(now: number): boolean {
    this.#restarts = [...this.#restarts.filter((at) => at >= now - this.#withinMs), now];
    return this.#restarts.length <= this.#maxRestarts;
  }

  /** The number of restarts in the last window. */
  get recent(): number {
    return this.#restarts.length;
  }

  reset(): void {
    this.#restarts = [];
  }
}
