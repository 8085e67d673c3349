import { WasmError } from '../errors.ts';
import type { CoreSort, Sort } from './ast.ts';
import type { CoreInstanceItem, CoreItem, CoreModuleItem, Item, Type } from './items.ts';

type Space = Sort;
type Entry<S extends Space> = S extends 'core instance'
  ? CoreInstanceItem
  : S extends 'core module'
    ? CoreModuleItem
    : S extends 'type'
      ? Type
      : S extends `core ${CoreSort}`
        ? CoreItem
        : Extract<Item, { sort: S }>;

/** The index spaces of one component or type, and the way to those around it. Indices are attacker-controlled. */
export class Scope {
  readonly #spaces = new Map<Space, unknown[]>();
  readonly #parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  add<S extends Space>(space: S, entry: Entry<S>): void {
    const entries = this.#spaces.get(space);
    if (entries === undefined) this.#spaces.set(space, [entry]);
    else entries.push(entry);
  }

  /** @throws {WasmError} `WASM_MALFORMED` when nothing has that index yet */
  get<S extends Space>(space: S, index: number): Entry<S> {
    const entries = this.#spaces.get(space) ?? [];
    if (index >= entries.length) {
      throw new WasmError('WASM_MALFORMED', `${space} ${index} is used and there are only ${entries.length} by then`);
    }
    return entries[index] as Entry<S>;
  }

  outer(count: number): Scope {
    let scope: Scope = this;
    for (let level = 0; level < count; level++) {
      if (scope.#parent === undefined) throw new WasmError('WASM_MALFORMED', `an alias goes ${count} levels out`);
      scope = scope.#parent;
    }
    return scope;
  }
}
