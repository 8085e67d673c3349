import type { ExportedFunction } from '#runtime/exports';
import { interfaceName, isTaken, memberName } from '#runtime/names';

/** Calls an export by its WIT name. */
export type CallByName = (name: string, args: readonly unknown[]) => Promise<unknown>;

type Property = (...args: readonly unknown[]) => Promise<unknown>;

/**
 * Makes an object of a component's exports. Functions have their names in camelCase. An interface is an object under its whole
 * name and, where no other export has it, under its own name in camelCase. A resource is the function that constructs one, with its
 * static functions as properties; its methods are those of the objects that it makes.
 */
export function boundExports(functions: readonly ExportedFunction[], call: CallByName): object {
  const world: Record<string, unknown> = Object.create(null);
  const interfaces = new Map<string, ExportedFunction[]>();
  for (const each of functions) {
    const { owner } = each;
    if (owner !== undefined) interfaces.set(owner, [...(interfaces.get(owner) ?? []), each]);
  }
  addFunctions(
    world,
    functions.filter(({ owner }) => owner === undefined),
    call,
  );
  const names = new Map<string, number>();
  for (const owner of interfaces.keys())
    names.set(interfaceName(owner).short, (names.get(interfaceName(owner).short) ?? 0) + 1);
  for (const [owner, members] of interfaces) {
    const bound: Record<string, unknown> = Object.create(null);
    addFunctions(bound, members, call);
    Object.freeze(bound);
    const short = interfaceName(owner).short;
    if (names.get(short) === 1 && !(short in world) && !isTaken(short)) world[short] = bound;
    if (owner !== short && !(owner in world)) world[owner] = bound;
  }
  return Object.freeze(world);
}

function addFunctions(target: Record<string, unknown>, functions: readonly ExportedFunction[], call: CallByName): void {
  const statics = new Map<string, Map<string, Property>>();
  for (const { name, member } of functions) {
    const bound: Property = (...args) => call(name, args);
    const [, kind, resource = '', of = ''] = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/.exec(member) ?? [];
    if (kind === undefined) add(target, member, bound);
    else if (kind === 'constructor') add(target, resource, bound);
    else if (kind === 'static') statics.set(resource, (statics.get(resource) ?? new Map()).set(of, bound));
  }
  for (const [resource, members] of statics) {
    const holder = target[memberName(resource)] ?? Object.create(null);
    for (const [member, value] of members) add(holder, member, value);
    add(target, resource, holder);
  }
}

function add(target: object, name: string, value: unknown): void {
  const property = memberName(name);
  if (!isTaken(property)) Object.defineProperty(target, property, { value, enumerable: true, configurable: true });
}
