/** wasmtime 50.0.1 adds a length that is known to be at most this to its buffered charge, and checks nothing. */
export const SMALL_LENGTH = 128;

/**
 * What the function costs in which wasmtime 50.0.1 initialises a module (`translate_module_startup`).
 *
 * It buffers charges and adds them to the counter at certain points alone. A memory's image is copied in a branch that is
 * not taken where the system maps the image, and the buffer is emptied inside that branch: what was buffered before it is
 * then never charged.
 */
export class StartupFuel {
  /** Entering the function is charged at once. */
  #counted = 1;
  #buffered = 0;
  #runs = false;

  /** The function is needed, whatever it costs. */
  require(): void {
    this.#runs = true;
  }

  operators(count: number): void {
    this.#buffered += count;
  }

  /** A bulk operation; `isKnown` when its length is a constant of the compiled function. */
  bulk(length: number, isKnown: boolean): void {
    this.#buffered += length;
    if (!isKnown || length > SMALL_LENGTH) this.flush();
  }

  /** Everything up to here is charged. */
  flush(): void {
    this.#counted += this.#buffered;
    this.#buffered = 0;
  }

  /** What is buffered is never charged. */
  forget(): void {
    this.#buffered = 0;
  }

  /** Units of fuel; 0 where no function is needed. */
  total(): number {
    this.flush();
    return this.#runs ? this.#counted : 0;
  }
}
