/** So much of something that several share: bytes, open files, exchanges. */
export class Quota {
  readonly limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Answers false, and takes none, where not so much is left. */
  take(amount: number): boolean {
    if (this.#taken + amount > this.limit) return false;
    this.#taken += amount;
    return true;
  }

  giveBack(amount: number): void {
    this.#taken -= amount;
  }
}
