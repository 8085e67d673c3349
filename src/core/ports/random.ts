/** Randomness, injected. The default is the operating system's. */
export interface Random {
  /** Returns `length` unpredictable bytes, for example for correlation ids. */
  bytes(length: number): Uint8Array;
  /** Returns a number from 0 (included) to 1 (excluded), for jitter. */
  fraction(): number;
}
