/** Randomness, given from outside. The default is the operating system's. */
export interface Random {
  /** `length` bytes that cannot be guessed; correlation ids are made of them. */
  bytes(length: number): Uint8Array;
  /** A number from 0 (included) to 1 (excluded), for jitter. */
  fraction(): number;
}
