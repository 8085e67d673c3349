/** What ends a store. */
export interface Trapping {
  trap(thrown: unknown): never;
}

/**
 * Makes traps of what the glue throws into a guest. The canonical ABI says that a bad pointer, handle or string traps;
 * in JavaScript it is an exception, which a guest's `catch_all` takes, to go on as if nothing had been.
 */
export class TrapGuard {
  readonly #store: Trapping;
  /** Functions of core instances of this store: what one throws at another is the guest's own affair. */
  readonly #own = new Set<unknown>();

  constructor(store: Trapping) {
    this.#store = store;
  }

  own(exports: WebAssembly.Exports): void {
    for (const value of Object.values(exports)) if (typeof value === 'function') this.#own.add(value);
  }

  guarded(imports: WebAssembly.Imports): WebAssembly.Imports {
    return Object.fromEntries(
      Object.entries(imports).map(([name, fields]) => [
        name,
        Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, this.#guard(value)])),
      ]),
    );
  }

  #guard(value: WebAssembly.ImportValue): WebAssembly.ImportValue {
    if (typeof value !== 'function' || this.#own.has(value)) return value;
    const host = value as (...args: unknown[]) => unknown;
    const store = this.#store;
    return (...args: unknown[]): unknown => {
      try {
        return host(...args);
      } catch (thrown) {
        return store.trap(thrown);
      }
    };
  }
}
