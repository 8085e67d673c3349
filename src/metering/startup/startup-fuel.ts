/** wasmtime 50.0.1 adds a constant length of at most this to its buffered charge, without a check. */
export const SMALL_LENGTH = 128;

/**
 * Computes the cost of the function with which wasmtime 50.0.1 initialises a module (`translate_module_startup`).
 *
 * wasmtime buffers charges and adds them to the counter only at certain points. It copies a memory's image in a branch
 * that is not taken when the system maps the image, but it empties the buffer inside that branch: charges that were
 * buffered before it are then never made.
 */
export class StartupFuel {
  /** Entering the function is charged at once. */
  #counted = 1;
  #buffered = 0;
  #runs = false;

  /** Records that the function is needed, whatever it costs. */
  require(): void {
    this.#runs = true;
  }

  operators(count: number): void {
    this.#buffered += count;
  }

  /** Charges a bulk operation. `isKnown` says that its length is a constant of the compiled function. */
  bulk(length: number, isKnown: boolean): void {
    this.#buffered += length;
    if (!isKnown || length > SMALL_LENGTH) this.flush();
  }

  /** Adds all buffered charges to the counter. */
  flush(): void {
    this.#counted += this.#buffered;
    this.#buffered = 0;
  }

  /** Drops the buffered charges, which wasmtime never makes. */
  forget(): void {
    this.#buffered = 0;
  }

  /** Returns the units of fuel, or 0 when no function is needed. */
  total(): number {
    this.flush();
    return this.#runs ? this.#counted : 0;
  }
}
