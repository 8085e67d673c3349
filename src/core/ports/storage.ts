/**
 * Bytes by key, in isolated namespaces, whatever bytes a key has. The `storage` host interface uses it and its calls
 * cannot wait, so the methods are synchronous and short.
 */
export interface KeyValueStore {
  open(namespace: string): KeyValueNamespace;
  close(): void;
}

export interface KeyValueNamespace {
  get(key: string): Uint8Array | undefined;
  /** Stores the value if the namespace then has at most `quotaBytes`. Returns whether it did. */
  set(key: string, value: Uint8Array, quotaBytes: number): boolean;
  delete(key: string): boolean;
  /** Returns at most `limit` keys that begin with `prefix`, in the order of their UTF-8 bytes. */
  list(prefix: string, limit: number): readonly string[];
  usage(): KeyValueUsage;
}

export interface KeyValueUsage {
  /** The bytes of keys (UTF-8) and values. */
  readonly bytes: number;
  readonly keys: number;
}
