import type { Quota } from './quota.ts';

/** A call beside others, with the bytes that the host keeps for what has come to be in it and was not given back. */
export interface KeepingCall {
  keptBytes: number;
}

/** Where the bytes are counted that the host keeps for a store. */
interface Keeper {
  readonly hostMemory: Quota;
  readonly currentCall: KeepingCall | undefined;
}

/**
 * The bytes that the host keeps for one thing of a store. They count as those of the call in which it is made, whichever call gives them
 * back, so that what calls under way hold can be told from what calls that have ended have left.
 */
export class KeptBytes {
  readonly #quota: Quota;
  readonly #call: KeepingCall | undefined;
  #bytes = 0;

  constructor({ hostMemory, currentCall }: Keeper) {
    this.#quota = hostMemory;
    this.#call = currentCall;
  }

  get limit(): number {
    return this.#quota.limit;
  }

  /** Takes bytes. Returns false, and takes nothing, when fewer are left. */
  take(bytes: number): boolean {
    if (!this.#quota.take(bytes)) return false;
    this.#bytes += bytes;
    if (this.#call !== undefined) this.#call.keptBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    this.#quota.giveBack(bytes);
    if (this.#call !== undefined) this.#call.keptBytes -= bytes;
  }

  /** Gives back all that was taken. Safe to call twice. */
  end(): void {
    this.giveBack(this.#bytes);
  }
}
