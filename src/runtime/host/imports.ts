import { shownText } from '#core/text';
import { compareVersions, interfaceName, isCompatible, memberName } from '#runtime/exports';
import { isLabel } from '#wasm';
import { RuntimeError } from '../errors.ts';
import type { HostInterface, HostLinker } from './host-linker.ts';

type Given = Readonly<Record<string, unknown>>;

/** What embedders gave, as a component is given it. */
const fromEmbedders = new WeakSet<object>();

/** Whether what meets an import is an embedder's, and no trusted part of the host: what it answers is checked. */
export function isFromEmbedder(met: unknown): boolean {
  return typeof met === 'object' && met !== null && fromEmbedders.has(met);
}

/** How many names an error shows of what was given. */
const MOST_SHOWN = 20;

/**
 * Everything that a component imports: what the embedder gave comes first, WASI's and our interfaces from the linker
 * meet the rest. Nothing that the embedder gave is changed.
 * @throws {RuntimeError} `RUNTIME_MISSING_IMPORT`, naming every import that is not met and what there is
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

/** A bare function stands for itself, as a world imports one. */
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
 * The key of what meets an import: its own name, or else the highest version that is compatible with it, or else the
 * interface's name without a version, which stands for all of them. Entries that are undefined are as if left out.
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
 * The functions and classes of an interface as the embedder's object has them, inherited ones too. Functions are bound
 * to that object, which is the `this` that its methods expect. Resource classes are themselves: their names begin with a
 * capital, and `default` may be one.
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
 * Lets what has its name in WIT be found by the one that jco makes of it: `get-HTTP-code` by `getHttpCode`, and a class
 * `my-counter` by `MyCounter`. Where both are given the WIT name, which is the exact one, comes first.
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
    `the component imports ${wanted}, which is neither WASI 0.2 nor vivarium:actor@0.1, nor compatible with what is there: ${there}; give it in load options: { imports: { '${missing[0]}': { … } } }`,
    { details: { imports: wanted, available: keys.slice(0, MOST_SHOWN).join(', ') } },
  );
}
