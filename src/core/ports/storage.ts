/**
 * Bytes by key, in namespaces that cannot see each other whatever bytes a key has. Behind the `storage` host
 * interface, whose calls cannot wait: the methods are synchronous and short.
 */
export interface KeyValueStore {
  open(namespace: string): KeyValueNamespace;
  close(): void;
}

export interface KeyValueNamespace {
  get(key: string): Uint8Array | undefined;
  /** Stores the value if the namespace then holds at most `quotaBytes`; answers whether it did. */
  set(key: string, value: Uint8Array, quotaBytes: number): boolean;
  delete(key: string): boolean;
  /** Keys that begin with `prefix`, in order of their UTF-8 bytes, `limit` at most. */
  list(prefix: string, limit: number): readonly string[];
  usage(): KeyValueUsage;
}

export interface KeyValueUsage {
  /** Bytes of keys (UTF-8) and values. */
  readonly bytes: number;
  readonly keys: number;
}
