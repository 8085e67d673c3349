import { ByteReader } from '../byte-reader.ts';
import type { Component, Definition } from './ast.ts';
import { POISON } from './core-names.ts';
import { readComponent, readWithCoreNames } from './read-component.ts';

type Export = Extract<Definition, { kind: 'export' }>;

const LETTERS = 'xyzqwjkvabcdefghilmnoprstu0123456789';
const LABEL = /^[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*$/;

/**
 * Renames the exports of a component's world that the transpiler cannot handle. It converts camelCase names back to
 * kebab-case, loses capitals and one-letter words in doing so, and then panics; an export named `then` or `constructor`
 * would become a property of the object that holds all exports. Each such name is replaced by one lower-case word of
 * the same length, so that no offset moves. Core items with these names get other names too, on both sides. A component
 * without such names is returned unchanged, and so are names that differ in nothing but case: a component that has two
 * of them is invalid, which the validator could not see if one had changed.
 *
 * @returns the component, its bytes, and the WIT names of the changed exports by their new names
 * @throws {WasmError} when the component cannot be read
 */
export function plainlyNamed(bytes: Uint8Array): {
  readonly component: Component;
  readonly bytes: Uint8Array;
  readonly names: ReadonlyMap<string, string>;
} {
  const { component, coreNames } = readWithCoreNames(bytes);
  const exports = component.definitions.filter((definition) => definition.kind === 'export');
  const taken = new Set(exports.map(({ name }) => bare(name)));
  const conflicting = conflictingNames(exports);
  const names = new Map<string, string>();
  let changed = coreNames.replacedIn(bytes);
  for (const each of exports) {
    if (conflicting.has(each.name.toLowerCase())) continue;
    const plain = plainName(each, taken);
    if (plain === each.name) continue;
    // `slice` of a Buffer would be a view of the caller's bytes.
    if (changed === bytes) changed = new Uint8Array(bytes);
    names.set(plain, each.name);
    changed.set(new TextEncoder().encode(plain), startOfName(bytes, each.offset));
  }
  return { component: changed === bytes ? component : readComponent(changed), bytes: changed, names };
}

/**
 * Returns a lower-case word that no other export uses, or the name itself when it is such a word or no word is free.
 */
function plainName({ name, target: { sort } }: Export, taken: Set<string>): string {
  if ((sort !== 'func' && sort !== 'instance') || !LABEL.test(name) || isPlain(name)) return name;
  const lower = name.toLowerCase();
  for (const letter of LETTERS) {
    const word = lower.includes('-') ? lower.replaceAll('-', letter) : `${lower.slice(0, -1)}${letter}`;
    if (taken.has(word)) continue;
    taken.add(word);
    return word;
  }
  return name;
}

/** Returns, in lower case, the names that more than one export has. */
function conflictingNames(exports: readonly Export[]): ReadonlySet<string> {
  const names = new Set<string>();
  const conflicting = new Set<string>();
  for (const { name } of exports) {
    const lower = name.toLowerCase();
    (names.has(lower) ? conflicting : names).add(lower);
  }
  return conflicting;
}

function isPlain(name: string): boolean {
  return /^[a-z0-9]+$/.test(name) && !POISON.has(name);
}

/** Reduces a name to what must be unique: the validator requires names to differ in more than case and hyphens. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll('-', '');
}

/** Returns where the name begins: an export starts with a byte for the form of its name and the name's length. */
function startOfName(bytes: Uint8Array, offset: number): number {
  const reader = new ByteReader(bytes, offset + 1);
  reader.u32();
  return reader.offset;
}
