/** An amount of something that several users share: bytes, open files, exchanges. */
export class Quota {
  readonly limit: number;
  #taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Takes an amount. Returns false, and takes nothing, when less is left. */
  take(amount: number): boolean {
    if (this.#taken + amount > this.limit) return false;
    this.#taken += amount;
    return true;
  }

  giveBack(amount: number): void {
    this.#taken -= amount;
  }
}
