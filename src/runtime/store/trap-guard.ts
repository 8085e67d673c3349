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
    for (const name in exports) {
      const value = exports[name];
      if (typeof value === 'function') this.#own.add(value);
    }
  }

  /** What a module asks for of `imports`, which may be whole instances of which it asks for little. */
  guarded(module: WebAssembly.Module, imports: WebAssembly.Imports): WebAssembly.Imports {
    const guarded: Record<string, WebAssembly.ModuleImports> = Object.create(null);
    for (const { module: from, name } of importsOf(module)) {
      const fields = imports[from];
      if (fields === undefined) continue;
      guarded[from] ??= Object.create(null) as WebAssembly.ModuleImports;
      guarded[from][name] = this.#guard(fields[name] as WebAssembly.ImportValue);
    }
    return guarded;
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

const known = new WeakMap<WebAssembly.Module, readonly WebAssembly.ModuleImportDescriptor[]>();

/** A component may instantiate one module many times. */
function importsOf(module: WebAssembly.Module): readonly WebAssembly.ModuleImportDescriptor[] {
  let found = known.get(module);
  if (found === undefined) {
    found = WebAssembly.Module.imports(module);
    known.set(module, found);
  }
  return found;
}
