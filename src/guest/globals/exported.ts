import { inTurn } from '../turn.ts';
import { isClass } from './install.ts';

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Wraps a world's export, so that each call is a turn of its own that waits for a returned promise. Resource classes are changed
 * in place, so that they keep their identity.
 */
export function exported(value: unknown): unknown {
  if (typeof value === 'function') return isClass(value) ? exportedClass(value) : asTurn(value as AnyFunction);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, exported(member)]));
}

function asTurn(run: AnyFunction): AnyFunction {
  return function (this: unknown, ...args) {
    return inTurn(() => run.apply(this, args));
  };
}

function exportedClass(resource: { prototype?: object }): unknown {
  for (const target of [resource, resource.prototype ?? {}]) {
    for (const [name, { value, writable }] of Object.entries(Object.getOwnPropertyDescriptors(target))) {
      if (name === 'constructor' || typeof value !== 'function' || writable !== true) continue;
      Object.defineProperty(target, name, { value: asTurn(value as AnyFunction) });
    }
  }
  return resource;
}
