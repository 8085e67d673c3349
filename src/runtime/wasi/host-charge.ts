import { KeptBytes } from '#core/limits';
import type { HostState } from '#runtime/host';
import { RuntimeError } from '../errors.ts';

/** V8 keeps about this many bytes for one object and its parts, rounded up. The handle table charges the handle separately. */
const OBJECT_BYTES = 192;

/** Charges the cost of one resource to its store's `hostMemory`, until the guest drops the resource. */
export class HostCharge {
  readonly #state: HostState;
  readonly #kept: KeptBytes;

  /** Charges the resource, and ends the store if too little is left. @param bytes what the resource holds from the beginning */
  constructor(state: HostState, bytes = 0) {
    this.#state = state;
    this.#kept = new KeptBytes(state);
    this.must(OBJECT_BYTES + bytes);
  }

  /** Charges bytes. Returns false if fewer are left. */
  take(bytes: number): boolean {
    return this.#kept.take(bytes);
  }

  /** Charges bytes. Ends the store if fewer are left. */
  must(bytes: number): void {
    if (this.take(bytes)) return;
    const { limit } = this.#kept;
    const message = `the component made the host keep more than ${limit} bytes for it; let it drop what it no longer uses`;
    this.#state.stop(new RuntimeError('RUNTIME_TRAP', message));
  }

  giveBack(bytes: number): void {
    this.#kept.giveBack(bytes);
  }

  /** Returns the whole charge, because the resource is gone. Safe to call twice. */
  end(): void {
    this.#kept.end();
  }
}
