/** What a back end answers at once, or later; a turn waits for it then. */
export type Answered<T> = T | Promise<T>;

/** Bytes by key, in namespaces that cannot see each other whatever bytes a key has. Behind the `storage` host interface. */
export interface KeyValueStore {
  /**
   * True for one that may answer promises: turns of cooperative components that use the storage can wait then too, which costs
   * each of them half a microsecond. A promise of one that does not say so ends such a component.
   */
  readonly answersLater?: boolean;
  open(namespace: string): KeyValueNamespace;
  close(): Answered<void>;
}

export interface KeyValueNamespace {
  get(key: string): Answered<Uint8Array | undefined>;
  /** Stores the value if the namespace then holds at most `quotaBytes`; answers whether it did. */
  set(key: string, value: Uint8Array, quotaBytes: number): Answered<boolean>;
  delete(key: string): Answered<boolean>;
  /** Keys that begin with `prefix`, in order of their UTF-8 bytes, `limit` at most. */
  list(prefix: string, limit: number): Answered<readonly string[]>;
  usage(): Answered<KeyValueUsage>;
}

export interface KeyValueUsage {
  /** Bytes of keys (UTF-8) and values. */
  readonly bytes: number;
  readonly keys: number;
}
