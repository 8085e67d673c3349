import type { ExportedFunction } from '#runtime/exports';
import { memberName } from '#runtime/names';

export type Callable = (...args: readonly unknown[]) => unknown;

/**
 * Finds an exported function in the exports of jco's glue. It is a property of the exports, or of the object of an interface;
 * constructors, methods and static functions belong to a class. Only an object's own properties count as exports.
 */
export function glueFunction(
  exports: Readonly<Record<string, unknown>>,
  exported: ExportedFunction,
): Callable | undefined {
  const { owner, member, property } = exported;
  if (owner === undefined && !member.startsWith('[')) return asFunction(ownValue(exports, property), exports);
  const holder = owner === undefined ? exports : ownValue(exports, property);
  const [, kind, resource = '', name = ''] = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/.exec(member) ?? [];
  if (kind === undefined) return asFunction(ownValue(holder, memberName(member)), holder);
  const camel = memberName(resource);
  const made = ownValue(holder, camel.charAt(0).toUpperCase() + camel.slice(1));
  if (typeof made !== 'function') return undefined;
  if (kind === 'constructor') return (...args) => Reflect.construct(made, args);
  if (kind === 'static') return asFunction(ownValue(made, memberName(name)), made);
  const method = ownValue(made.prototype, memberName(name));
  return typeof method === 'function' ? (self, ...args) => Reflect.apply(method, self, args) : undefined;
}

function asFunction(found: unknown, self: unknown): Callable | undefined {
  return typeof found === 'function' ? (...args) => Reflect.apply(found, self, args) : undefined;
}

function ownValue(owner: unknown, key: string): unknown {
  const holds = (typeof owner === 'object' && owner !== null) || typeof owner === 'function';
  return holds && Object.hasOwn(owner, key) ? (owner as Readonly<Record<string, unknown>>)[key] : undefined;
}
