import { messageOf, type VivariumError } from '#core';
import { RuntimeError } from './errors.ts';
import type { CurrentStore } from './host-state.ts';

/** The functions and resource classes of one interface, under the names that jco gives them (camelCase). */
export type HostInterface = Readonly<Record<string, unknown>>;

/** A resource as jco wants it: a class whose instances are handed to the guest as handles. */
export type Resource = (abstract new (...args: never[]) => object) & { readonly prototype: object };

type Callable = (this: unknown, ...args: unknown[]) => unknown;

/**
 * The host's side of imports, defined once and shared by all stores.
 *
 * A function answers a value, or throws a plain value that is the error case of its WIT `result`. Anything thrown that
 * is an `Error` ends the store: a guest must not go on after the host failed half-way, nor catch it.
 */
export class HostLinker {
  readonly #interfaces = new Map<string, { version: string; functions: HostInterface }>();
  readonly #current: CurrentStore;

  constructor(current: CurrentStore) {
    this.#current = current;
  }

  /** @param name the interface with its version, as `wasi:cli/exit@0.2.0` */
  define(name: string, functions: HostInterface): void {
    const { base, version } = split(name);
    this.#interfaces.set(base, { version, functions: this.guard(name, functions) });
  }

  /** The interface that serves an import, or undefined. Any patch version of the same minor is served. */
  find(name: string): HostInterface | undefined {
    const { base, version } = split(name);
    const found = this.#interfaces.get(base);
    return found !== undefined && (version === '' || sameMinor(version, found.version)) ? found.functions : undefined;
  }

  /** Wraps every function so that what it throws ends the store instead of reaching the guest. */
  guard(name: string, functions: HostInterface): HostInterface {
    const guarded: Record<string, unknown> = Object.create(null);
    for (const [key, value] of Object.entries(functions)) {
      if (typeof value !== 'function') guarded[key] = value;
      else if (isClass(value)) guarded[key] = this.#guardClass(`${name}#${key}`, value);
      else guarded[key] = this.#guard(`${name}#${key}`, value as Callable);
    }
    return guarded;
  }

  /** Resource classes are made for one linker, so their methods are wrapped where they are. */
  #guardClass(name: string, target: Resource): Resource {
    for (const owner of [target, target.prototype]) {
      for (const key of [...Object.getOwnPropertyNames(owner), Symbol.dispose]) {
        const value = Object.getOwnPropertyDescriptor(owner, key)?.value;
        if (key === 'constructor' || typeof value !== 'function') continue;
        Object.defineProperty(owner, key, { value: this.#guard(`${name}.${String(key)}`, value) });
      }
    }
    return target;
  }

  #guard(name: string, target: Callable): Callable {
    const current = this.#current;
    return function guarded(this: unknown, ...args: unknown[]): unknown {
      let answer: unknown;
      current.state.lifted();
      try {
        answer = target.apply(this, args);
      } catch (thrown) {
        if (!(thrown instanceof Error)) throw thrown;
        return current.state.stop(asStop(name, thrown));
      }
      if (answer instanceof Promise) {
        answer.catch(() => {});
        return current.state.stop(
          new RuntimeError('RUNTIME_WOULD_BLOCK', `${name} answered a promise; a turn cannot wait, answer a value`),
        );
      }
      return answer;
    };
  }
}

function asStop(name: string, thrown: Error): VivariumError {
  if (thrown instanceof RuntimeError) return thrown;
  return new RuntimeError('RUNTIME_TRAP', `the host function ${name} failed: ${messageOf(thrown)}`, { cause: thrown });
}

function split(name: string): { base: string; version: string } {
  const at = name.indexOf('@');
  return at === -1 ? { base: name, version: '' } : { base: name.slice(0, at), version: name.slice(at + 1) };
}

/** As semantic versions have it: below 1.0 the minor number breaks, the patch number does not. */
function sameMinor(wanted: string, offered: string): boolean {
  const [majorW, minorW] = wanted.split('.');
  const [majorO, minorO] = offered.split('.');
  return majorW === majorO && (majorW !== '0' || minorW === minorO);
}

function isClass(value: unknown): value is Resource {
  return typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));
}
