import { shownText } from '#core/text';
import { compareVersions, interfaceName, isCompatible, memberName } from '#runtime/names';
import { isLabel } from '#wasm';
import { RuntimeError } from '../errors.ts';
import type { HostInterface, HostLinker } from './host-linker.ts';

type Given = Readonly<Record<string, unknown>>;

/** The import objects that were made from what embedders gave. */
const fromEmbedders = new WeakSet<object>();

/** Whether an import comes from an embedder. What it returns must be checked, because it is not a trusted part of the host. */
export function isFromEmbedder(met: unknown): boolean {
  return typeof met === 'object' && met !== null && fromEmbedders.has(met);
}

/** An error lists at most this many names of given imports. */
const MOST_SHOWN = 20;

/**
 * Resolves everything that a component imports. What the embedder gave comes first; the linker's interfaces, WASI's and ours, serve
 * the rest. The embedder's own objects are not changed.
 * @throws {RuntimeError} `RUNTIME_MISSING_IMPORT`, naming every import that nothing serves, and what is available
 */
export function resolveImports(
  wanted: readonly string[],
  linker: HostLinker,
  given: Given,
): Readonly<Record<string, unknown>> {
  const resolved: Record<string, unknown> = Object.create(null);
  const missing: string[] = [];
  for (const name of wanted) {
    const found = givenInterface(given, name) ?? linker.find(name);
    if (found === undefined) missing.push(name);
    else resolved[name] = found;
  }
  if (missing.length > 0) throw missingImport(missing, linker, given);
  return resolved;
}

/** Finds what the embedder gave for an import. A bare function serves an import that is itself a function. */
function givenInterface(given: Given, name: string): HostInterface | undefined {
  const key = keyFor(given, name);
  const value = key === undefined ? undefined : given[key];
  const met =
    typeof value === 'function'
      ? { default: value }
      : typeof value === 'object' && value !== null
        ? viewOf(value)
        : undefined;
  if (met !== undefined) fromEmbedders.add(met);
  return met;
}

/**
 * The key of the entry that serves an import: the import's own name, or else the same interface in its highest compatible version,
 * or else the interface's name without a version, which serves all versions. Entries that are undefined count as absent.
 */
function keyFor(given: Given, name: string): string | undefined {
  if (Object.hasOwn(given, name) && given[name] !== undefined) return name;
  const { base, version } = interfaceName(name);
  const compatible = Object.keys(given)
    .filter((key) => given[key] !== undefined)
    .map((key) => ({ key, ...interfaceName(key) }))
    .filter((offered) => offered.base === base && isCompatible(version, offered.version))
    .toSorted((one, other) => compareVersions(other.version, one.version))[0];
  if (compatible !== undefined) return compatible.key;
  return Object.hasOwn(given, base) && given[base] !== undefined ? base : undefined;
}

/**
 * Copies the functions and classes of an embedder's object, inherited ones too, into a new object. Functions are bound to the
 * embedder's object, because its methods expect it as `this`. Resource classes are not bound: they are the properties whose name
 * begins with a capital, and `default`, which may be a class.
 */
function viewOf(owner: object): HostInterface {
  const view: Record<string, unknown> = Object.create(null);
  for (
    let from: object | null = owner;
    from !== null && from !== Object.prototype;
    from = Object.getPrototypeOf(from)
  ) {
    for (const key of Object.getOwnPropertyNames(from)) {
      if (key in view || key === 'constructor') continue;
      const value: unknown = Reflect.get(owner, key);
      view[key] = typeof value === 'function' && /^(?!default$)[^A-Z]/.test(key) ? value.bind(owner) : value;
    }
  }
  addWitNames(view, owner);
  return view;
}

/**
 * Adds the names that jco uses for properties with WIT names: `getHttpCode` for `get-HTTP-code`, and `MyCounter` for a class
 * `my-counter`. If both are given, the WIT name comes first, because it is the exact one.
 */
function addWitNames(view: Record<string, unknown>, owner: object): void {
  for (const key of Object.keys(view)) {
    if (!isLabel(key)) continue;
    const value: unknown = Reflect.get(owner, key);
    if (typeof value !== 'function') continue;
    const name = memberName(key);
    if (key.includes('-') || view[name] === undefined) view[name] = value.bind(owner);
    if ('prototype' in value) view[name.charAt(0).toUpperCase() + name.slice(1)] ??= value;
  }
}

function missingImport(missing: readonly string[], linker: HostLinker, given: Given): RuntimeError {
  const wanted = missing.join(', ');
  const bases = new Set(missing.map((name) => interfaceName(name).base));
  const near = [...Object.keys(given).filter((key) => given[key] !== undefined), ...linker.names].filter((key) =>
    bases.has(interfaceName(key).base),
  );
  const keys = near.length > 0 ? near : Object.keys(given).filter((key) => given[key] !== undefined);
  const shown = keys.slice(0, MOST_SHOWN).map((key) => shownText(key, 200));
  const more = keys.length > shown.length ? ` and ${keys.length - shown.length} more` : '';
  const there = shown.length === 0 ? 'nothing' : `${shown.join(', ')}${more}`;
  return new RuntimeError(
    'RUNTIME_MISSING_IMPORT',
    `the component imports ${wanted}, which is neither WASI nor vivarium:actor, nor compatible with what is there: ${there}; give it in load options: { imports: { '${missing[0]}': { … } } }`,
    { details: { imports: wanted, available: keys.slice(0, MOST_SHOWN).join(', ') } },
  );
}
