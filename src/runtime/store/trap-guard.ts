/** Something that ends a store. */
export interface Trapping {
  trap(thrown: unknown): never;
}

/**
 * Turns every exception that the glue throws into a guest into a trap. The canonical ABI demands a trap for a bad pointer, handle or
 * string. The glue throws a JavaScript exception instead, which a guest could catch by `catch_all` and then go on.
 */
export class TrapGuard {
  readonly #store: Trapping;
  /** Functions of this store's own core instances. They are not guarded: one part of a guest may throw at another. */
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

  /** The entries of `imports` that the module asks for, guarded. `imports` may hold whole instances, of which a module uses little. */
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

/** Cached for each module, because a component may instantiate one module many times. */
function importsOf(module: WebAssembly.Module): readonly WebAssembly.ModuleImportDescriptor[] {
  let found = known.get(module);
  if (found === undefined) {
    found = WebAssembly.Module.imports(module);
    known.set(module, found);
  }
  return found;
}
