import { shownText } from '#core';
import type { ComponentCode, ComponentExports } from './component-code.ts';
import { RuntimeError } from './errors.ts';

/** Takes a function out of an instance's exports. */
export type ComponentExport = (exports: ComponentExports) => (...args: readonly unknown[]) => unknown;

/**
 * How to reach an export by its WIT name: `add`, `get-it`, or `ns:pkg/iface@v#func`.
 * @throws {RuntimeError} `RUNTIME_NO_EXPORT`, naming what there is
 */
export function findExport(code: ComponentCode, name: string): ComponentExport {
  const hash = name.indexOf('#');
  const [outer, inner] = hash === -1 ? [name, undefined] : [name.slice(0, hash), name.slice(hash + 1)];
  const found = code.exports.find(
    (candidate) => candidate.kind === (inner === undefined ? 'function' : 'instance') && isNamed(candidate.name, outer),
  );
  if (found === undefined) throw missing(code, name);
  return (exports) => {
    const owner = inner === undefined ? exports : (exports[found.name] as ComponentExports);
    // A function of a resource keeps its name, as `[method]cart.add`.
    const key = inner === undefined ? found.name : inner.startsWith('[') ? inner : camelCase(inner);
    const target = memberOf(owner, key);
    if (typeof target !== 'function') throw missing(code, name);
    return (...args) => Reflect.apply(target, owner, args);
  };
}

/** The glue's functions are an object's own, the direct path's are methods of its class; nothing else is an export. */
function memberOf(owner: ComponentExports, key: string): unknown {
  if (Object.hasOwn(owner, key)) return owner[key];
  const methods: unknown = Object.getPrototypeOf(owner);
  const known = typeof methods === 'object' && methods !== null && methods !== Object.prototype;
  return known && key !== 'constructor' && Object.hasOwn(methods, key) ? owner[key] : undefined;
}

function isNamed(candidate: string, wanted: string): boolean {
  return candidate === wanted || candidate === camelCase(wanted);
}

function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function missing(code: ComponentCode, name: string): RuntimeError {
  const known = code.exports.map((candidate) =>
    candidate.kind === 'instance' ? `${candidate.name}#…` : candidate.name,
  );
  return new RuntimeError(
    'RUNTIME_NO_EXPORT',
    `the component does not export ${shownText(name, 100)}; it exports ${known.join(', ') || 'nothing'}`,
  );
}
