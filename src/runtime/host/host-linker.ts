import type { ServedRequest } from '#core/ports/serving';
import { interfaceName, isCompatible, memberName } from '#runtime/names';
import type { HostState } from './host-state.ts';
import { tracedInterface } from './traced-calls.ts';

/** How a version of `wasi:http` has guests answer requests. */
export interface HttpHandling {
  /** Makes the arguments of the exported function; called in the turn. */
  given(caller: HostState, request: ServedRequest): readonly object[];
  /**
   * Takes what the function answers; called in the turn, which goes on until what this returns is settled. A version without it answers
   * through its arguments.
   */
  answered?(caller: HostState, request: ServedRequest, answer: unknown): Promise<unknown> | undefined;
}

/** The functions and resource classes of one interface, under the names that jco gives them (camelCase). */
export type HostInterface = Readonly<Record<string, unknown>>;

/** The interfaces that linkers hold. */
const ofTheHost = new WeakSet<object>();

/** Whether an import is one of the host's own. Its functions are given their caller before the guest's arguments. */
export function isFromHost(met: unknown): boolean {
  return typeof met === 'object' && met !== null && ofTheHost.has(met);
}

/** The classes of resources that guests may construct, because their interface in WIT has a constructor for them. */
const constructible = new WeakSet<object>();

/** How the name of a constructor begins in WIT, after its interface. */
const CONSTRUCTOR = '#[constructor]';

/**
 * Whether guests may not call a function of the host's, because it constructs a resource that only the host makes. A component may
 * import an interface in any shape, so it could otherwise make a socket, for example, for which no place was taken.
 * @param name the function's name in WIT, after its interface and `#`
 * @param met the implementation of the interface
 */
export function isOnlyForHost(name: string, met: unknown): boolean {
  const [, resource] = name.split(CONSTRUCTOR);
  if (resource === undefined || !isFromHost(met)) return false;
  const property = memberName(resource);
  const made = (met as HostInterface)[property.charAt(0).toUpperCase() + property.slice(1)];
  return !(typeof made === 'function' && constructible.has(made));
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
  /** Versions of one interface that do not stand for each other lie side by side, in the order in which they were defined. */
  readonly #interfaces = new Map<string, Defined[]>();
  readonly #handlers: { readonly base: string; readonly version: string; readonly handling: HttpHandling }[] = [];
  readonly #isTraced: boolean;

  /** @param isTraced whether calls that deserve it are spans of the turn that makes them */
  constructor(isTraced = false) {
    this.#isTraced = isTraced;
  }

  /**
   * Defines an interface. It replaces an earlier definition with a compatible version.
   * @param name the interface with its version, for example `wasi:cli/exit@0.2.0`
   * @param constructors the classes for which the interface has a constructor in WIT
   */
  define(name: string, given: HostInterface, constructors: readonly object[] = []): void {
    const { base, version } = interfaceName(name);
    const functions = this.#isTraced ? tracedInterface(base, given) : given;
    for (const made of constructors) constructible.add(made);
    ofTheHost.add(functions);
    const others = this.#interfaces.get(base)?.filter((each) => !isCompatible(version, each.version)) ?? [];
    this.#interfaces.set(base, [...others, { name, version, functions }]);
  }

  /** Defines how components that export an interface answer HTTP requests. */
  defineHandler(name: string, handling: HttpHandling): void {
    const { base, version } = interfaceName(name);
    this.#handlers.push({ base, version, handling });
  }

  /** How a component that exports an interface answers HTTP requests. */
  findHandler(name: string): HttpHandling | undefined {
    const { base, version } = interfaceName(name);
    return this.#handlers.find((each) => each.base === base && isCompatible(version, each.version))?.handling;
  }

  /** The interface that serves an import, or undefined. An import without a version takes the version that was defined first. */
  find(name: string): HostInterface | undefined {
    const { base, version } = interfaceName(name);
    const found = this.#interfaces.get(base)?.find((each) => version === '' || isCompatible(version, each.version));
    return found?.functions;
  }

  /** The names of all defined interfaces, with their versions. */
  get names(): string[] {
    return [...this.#interfaces.values()].flatMap((versions) => versions.map(({ name }) => name));
  }
}

interface Defined {
  readonly name: string;
  readonly version: string;
  readonly functions: HostInterface;
}
