import { WasmError } from '../errors.ts';
import type { Builtin, CanonOptions, Component, CoreModule, CoreSort, Declaration, Named, Sort } from './ast.ts';
import type { FuncType, Resource, ValueType } from './types.ts';

/** The contents of index spaces after indices are resolved. */
export type Item =
  | FuncItem
  | TypeItem
  | InstanceItem
  | { readonly sort: 'component'; readonly component: Component; readonly scope: Scope }
  /** A component of which only the type is known. */
  | { readonly sort: 'component'; readonly abstract: DeclaredType }
  /** A value from outside. It only occupies its index. */
  | { readonly sort: 'value' }
  /** `module` is undefined for a module from outside. */
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
      /** The number of the component instance. A component instance may not be entered while it runs. */
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

/** The type of an instance or component. It is evaluated where it is used. */
export interface DeclaredType {
  readonly kind: 'instance type' | 'component type';
  readonly declarations: readonly Declaration[];
  readonly scope: Scope;
}

/** A core function, memory, table, global or tag, by its origin. */
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
  | BuiltinItem
  /** A core type or an imported core module. It has an index but no use here. */
  | { readonly kind: 'opaque' };

/** A built-in of asynchronous components, with what its indices refer to. */
export interface BuiltinItem extends Pick<Builtin, 'kind' | 'name' | 'flag' | 'slot' | 'wide'> {
  readonly instance: number;
  /** A stream's or future's type. */
  readonly type: Extract<ValueType, { kind: 'stream' | 'future' }> | undefined;
  readonly result: ValueType | undefined;
  readonly options: LinkedOptions | undefined;
  readonly memory: CoreItem | undefined;
  readonly table: CoreItem | undefined;
}

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

/** The instantiation of one core module with its arguments. Steps are in the order of the component's definitions. */
export interface InstantiateStep {
  /** The number of the core module, counted over the file including nested components. */
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

/**
 * The index spaces of one component or type, with a reference to the enclosing scope. Indices are attacker-controlled.
 */
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
      throw new WasmError('WASM_MALFORMED', `${space} ${index} is used, but only ${entries.length} are defined before`);
    }
    return entries[index] as Entry<S>;
  }

  outer(count: number): Scope {
    let scope: Scope = this;
    for (let level = 0; level < count; level++) {
      if (scope.#parent === undefined)
        throw new WasmError('WASM_MALFORMED', `an alias refers ${count} levels outwards, which is too many`);
      scope = scope.#parent;
    }
    return scope;
  }
}
