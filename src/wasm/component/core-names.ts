/**
 * Names that are dangerous as properties: they change what an object or a promise is, or lead out of the generated
 * code.
 */
export const POISON: ReadonlySet<string> = new Set(['binding', 'callee', 'caller', 'constructor', 'prototype', 'then']);

/**
 * The places in a file where a core item has a dangerous name. Such names only connect core modules to each other, so
 * all of them can be replaced consistently. A replacement has the same length, so no offset moves.
 */
export class CoreNames {
  readonly #places: { readonly name: string; readonly offset: number }[] = [];
  /** Names that differ from a dangerous one only in the last character. */
  readonly #similar = new Set<string>();

  /** @param end the offset of the byte after the name */
  add(name: string, end: number): void {
    if (POISON.has(name)) this.#places.push({ name, offset: end - name.length });
    else if (name.length <= 11 && STEMS.has(name.slice(0, -1))) this.#similar.add(name);
  }

  /** Returns the bytes with every dangerous name replaced, or the same bytes if there is none. */
  replacedIn(bytes: Uint8Array): Uint8Array {
    if (this.#places.length === 0) return bytes;
    // `slice` of a Buffer would be a view of the caller's bytes.
    const changed = new Uint8Array(bytes);
    for (const { name, offset } of this.#places) {
      const digit = [...'0123456789'].find((each) => !this.#similar.has(name.slice(0, -1) + each));
      if (digit !== undefined) changed[offset + name.length - 1] = digit.charCodeAt(0);
    }
    return changed;
  }
}

const STEMS: ReadonlySet<string> = new Set([...POISON].map((name) => name.slice(0, -1)));
