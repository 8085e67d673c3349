import type { HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';

/** What V8 keeps for one object and what it is made of, rounded up; its place in a table of handles is charged there. */
const OBJECT_BYTES = 192;

/** What one resource costs the host, taken from its store's `hostMemory` until the guest lets go of it. */
export class HostCharge {
  readonly #state: HostState;
  #bytes = 0;

  /** Ends the store where so much is not left. @param bytes what the resource holds from the beginning */
  constructor(state: HostState, bytes = 0) {
    this.#state = state;
    this.must(OBJECT_BYTES + bytes);
  }

  /** Answers false where so much is not left. */
  take(bytes: number): boolean {
    if (!this.#state.hostMemory.take(bytes)) return false;
    this.#bytes += bytes;
    return true;
  }

  /** As `take`, but ends the store instead. */
  must(bytes: number): void {
    if (this.take(bytes)) return;
    const { limit } = this.#state.hostMemory;
    const message = `the component made the host keep more than ${limit} bytes for it; let it drop what it no longer uses`;
    this.#state.stop(new RuntimeError('RUNTIME_TRAP', message));
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    this.#state.hostMemory.giveBack(bytes);
  }

  /** The resource is gone; safe to call twice. */
  end(): void {
    this.giveBack(this.#bytes);
  }
}
