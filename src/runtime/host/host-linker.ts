import { interfaceName, isCompatible } from '#runtime/exports';

/** The functions and resource classes of one interface, under the names that jco gives them (camelCase). */
export type HostInterface = Readonly<Record<string, unknown>>;

/** The interfaces that linkers hold. */
const ofTheHost = new WeakSet<object>();

/** Whether an import is one of the host's own. Its functions are given their caller before the guest's arguments. */
export function isFromHost(met: unknown): boolean {
  return typeof met === 'object' && met !== null && ofTheHost.has(met);
}

/**
 * Holds the host's implementations of imports. They are defined once and all stores share them.
 *
 * Each function, constructor, method and static function is given its caller first, the store whose guest calls it, and then
 * the guest's arguments. `Symbol.dispose` of a resource is given nothing. A function returns a value, or throws the error case of its WIT `result` (see `host-call.ts`). If it throws anything else, the
 * store ends, because a guest must neither catch the failure of a host function nor go on after it. The code that calls host
 * functions ensures this, so the linker need not wrap functions and classes.
 */
export class HostLinker {
  readonly #interfaces = new Map<string, { readonly name: string; readonly functions: HostInterface }>();

  /** @param name the interface with its version, for example `wasi:cli/exit@0.2.0` */
  define(name: string, functions: HostInterface): void {
    ofTheHost.add(functions);
    this.#interfaces.set(interfaceName(name).base, { name, functions });
  }

  /** The interface that serves an import, or undefined. An import without a version accepts any version. */
  find(name: string): HostInterface | undefined {
    const { base, version } = interfaceName(name);
    const found = this.#interfaces.get(base);
    if (found === undefined) return undefined;
    return version === '' || isCompatible(version, interfaceName(found.name).version) ? found.functions : undefined;
  }

  /** The names of all defined interfaces, with their versions. */
  get names(): string[] {
    return [...this.#interfaces.values()].map(({ name }) => name);
  }
}
