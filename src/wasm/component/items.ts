import { WasmError } from '../errors.ts';
import type { CanonOptions, Component, CoreModule, CoreSort, Declaration, Named, Sort } from './ast.ts';
import type { FuncType, Resource, ValueType } from './types.ts';

/** What index spaces hold once indices are resolved. */
export type Item =
  | FuncItem
  | TypeItem
  | InstanceItem
  | { readonly sort: 'component'; readonly component: Component; readonly scope: Scope }
  /** A component that is known by its type alone. */
  | { readonly sort: 'component'; readonly abstract: DeclaredType }
  /** A value from outside: it has a place in its index space and nothing more. */
  | { readonly sort: 'value' }
  /** `module` is undefined for one from outside. */
  | { readonly sort: 'core module'; readonly module: CoreModuleItem };

export interface FuncItem {
  readonly sort: 'func';
  readonly type: FuncType;
  readonly definition: FuncDefinition;
}

export type FuncDefinition =
  | { readonly kind: 'import'; readonly path: readonly string[] }
  | {
      readonly kind: 'lift';
      readonly coreFunc: CoreItem;
      readonly options: LinkedOptions;
      /** Counts component instances; a component instance may not be entered while it runs. */
      readonly instance: number;
    };

export interface InstanceItem {
  readonly sort: 'instance';
  readonly exports: ReadonlyMap<string, Item>;
}

export interface TypeItem {
  readonly sort: 'type';
  readonly type: Type;
}

export type Type = ValueType | FuncType | Resource | DeclaredType;

/** An instance's or component's type: what it says is worked out where it is used. */
export interface DeclaredType {
  readonly kind: 'instance type' | 'component type';
  readonly declarations: readonly Declaration[];
  readonly scope: Scope;
}

/** A core function, memory, table, global or tag, by where it comes from. */
export type CoreItem =
  | { readonly kind: 'core export'; readonly instance: number; readonly name: string; readonly sort: CoreSort }
  | {
      readonly kind: 'lower';
      readonly func: FuncItem;
      readonly options: LinkedOptions;
      readonly instance: number;
    }
  | {
      readonly kind: 'resource.new' | 'resource.drop' | 'resource.rep';
      readonly resource: Resource;
      readonly instance: number;
    }
  | { readonly kind: 'builtin'; readonly name: string }
  /** A core type or an imported core module: has an index and no use here. */
  | { readonly kind: 'opaque' };

export type CoreInstanceItem =
  /** The result of the step with this number. */
  | { readonly kind: 'instantiated'; readonly step: number }
  | { readonly kind: 'exports'; readonly exports: ReadonlyMap<string, CoreItem> };

export type CoreModuleItem = { readonly module: CoreModule; readonly index: number } | undefined;

export interface LinkedOptions extends Pick<CanonOptions, 'encoding' | 'async' | 'others'> {
  readonly memory: CoreItem | undefined;
  readonly realloc: CoreItem | undefined;
  readonly postReturn: CoreItem | undefined;
  readonly callback: CoreItem | undefined;
}

/** One core module to instantiate, with its arguments, in the order of the component's own definitions. */
export interface InstantiateStep {
  /** Which core module: counted over the file, nested components included. */
  readonly module: number;
  readonly args: readonly Named<CoreInstanceItem>[];
}

type Entry<S extends Sort> = S extends 'core instance'
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
  readonly #spaces = new Map<Sort, unknown[]>();
  readonly #parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  add<S extends Sort>(space: S, entry: Entry<S>): void {
    const entries = this.#spaces.get(space);
    if (entries === undefined) this.#spaces.set(space, [entry]);
    else entries.push(entry);
  }

  /** @throws {WasmError} `WASM_MALFORMED` when nothing has that index yet */
  get<S extends Sort>(space: S, index: number): Entry<S> {
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
