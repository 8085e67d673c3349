import { ByteReader } from '../byte-reader.ts';
import type { Component, Definition } from './ast.ts';
import { POISON } from './core-names.ts';
import { readComponent, readWithCoreNames } from './read-component.ts';

type Export = Extract<Definition, { kind: 'export' }>;

const LETTERS = 'xyzqwjkvabcdefghilmnoprstu0123456789';
const LABEL = /^[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*$/;

/**
 * A component whose world exports functions and interfaces under names that the transpiler can take. It reads names in
 * camelCase back as kebab-case, which loses capitals and words of one letter, and then panics; and an export `then` or
 * `constructor` would be one of the object that holds all. So each such name becomes one word in small letters, of the
 * same length: every offset stays. Core items that are called so get other names too, on both sides. A component without such names stays as it is.
 *
 * @returns the component, its bytes, and the names in WIT of the exports that were changed, by the names that they now have
 * @throws {WasmError} when it cannot be read
 */
export function plainlyNamed(bytes: Uint8Array): {
  readonly component: Component;
  readonly bytes: Uint8Array;
  readonly names: ReadonlyMap<string, string>;
} {
  const { component, coreNames } = readWithCoreNames(bytes);
  const exports = component.definitions.filter((definition) => definition.kind === 'export');
  const taken = new Set(exports.map(({ name }) => bare(name)));
  const names = new Map<string, string>();
  let changed = coreNames.replacedIn(bytes);
  for (const each of exports) {
    const plain = plainName(each, taken);
    if (plain === each.name) continue;
    // `slice` of a Buffer would be a view of the caller's bytes.
    if (changed === bytes) changed = new Uint8Array(bytes);
    names.set(plain, each.name);
    changed.set(new TextEncoder().encode(plain), startOfName(bytes, each.offset));
  }
  return { component: changed === bytes ? component : readComponent(changed), bytes: changed, names };
}

/** One word in small letters that no other export is called; the name itself where it is such a word or none is free. */
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

function isPlain(name: string): boolean {
  return /^[a-z0-9]+$/.test(name) && !POISON.has(name);
}

/** Names differ in more than case and hyphens, as the validator checks later. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll('-', '');
}

/** An export begins with a byte for the form of its name and the name's length. */
function startOfName(bytes: Uint8Array, offset: number): number {
  const reader = new ByteReader(bytes, offset + 1);
  reader.u32();
  return reader.offset;
}
