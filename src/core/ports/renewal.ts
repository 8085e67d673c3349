/** What the core instances of a store hold after instantiation. All stores of one component can share it. */
export interface StartImage {
  /** The bytes of the host that it takes. */
  readonly bytes: number;
}

/** Core instances that hold again exactly what they held after instantiation, without the store that they were made for. */
export interface RenewedInstances {
  /** The bytes of their memories and tables, which stay reserved. */
  readonly memoryBytes: number;
  /** Returns those bytes to the pool. */
  dispose(): void;
}
