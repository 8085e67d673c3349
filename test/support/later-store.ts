import type { Answered, KeyValueNamespace, KeyValueStore } from '#core/ports/storage';
import { SqliteKeyValueStore } from '#storage';

/** Storage that answers everything later, as one that lies on another machine does; `before` is waited for each time. */
export class LaterStore implements KeyValueStore {
  readonly answersLater = true;
  before: () => Promise<unknown> = () => new Promise(setImmediate);
  readonly #store = new SqliteKeyValueStore();

  open(namespace: string): KeyValueNamespace {
    const inner = this.#store.open(namespace);
    const later = async <T>(operation: () => Answered<T>): Promise<T> => {
      await this.before();
      return operation();
    };
    return {
      get: (key) => later(() => inner.get(key)),
      set: (key, value, quotaBytes) => later(() => inner.set(key, value, quotaBytes)),
      delete: (key) => later(() => inner.delete(key)),
      list: (prefix, limit) => later(() => inner.list(prefix, limit)),
      usage: () => later(() => inner.usage()),
    };
  }

  async close(): Promise<void> {
    await this.before();
    this.#store.close();
  }
}
