import { interfaceName, isCompatible } from '#runtime/exports';

/** The functions and resource classes of one interface, under the names that jco gives them (camelCase). */
export type HostInterface = Readonly<Record<string, unknown>>;

/**
 * The host's side of imports, defined once and shared by all stores.
 *
 * A function answers a value, or throws what is the error case of its WIT `result` (see `host-call.ts`). Anything else
 * that it throws ends the store: a guest must not go on after the host failed half-way, nor catch it. The code that calls
 * host functions sees to that, so that functions and classes stay as they were given.
 */
export class HostLinker {
  readonly #interfaces = new Map<string, { readonly name: string; readonly functions: HostInterface }>();

  /** @param name the interface with its version, as `wasi:cli/exit@0.2.0` */
  define(name: string, functions: HostInterface): void {
    this.#interfaces.set(interfaceName(name).base, { name, functions });
  }

  /** The interface that serves an import, or undefined: one without a version takes any. */
  find(name: string): HostInterface | undefined {
    const { base, version } = interfaceName(name);
    const found = this.#interfaces.get(base);
    if (found === undefined) return undefined;
    return version === '' || isCompatible(version, interfaceName(found.name).version) ? found.functions : undefined;
  }

  /** Every interface that is defined, with its version. */
  get names(): string[] {
    return [...this.#interfaces.values()].map(({ name }) => name);
  }
}
