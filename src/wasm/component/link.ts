import { WasmError } from '../errors.ts';
import type {
  Component,
  CoreInstanceExpression,
  CoreMemory,
  CoreModule,
  Definition,
  ExternDescription,
  InstanceExpression,
  Named,
  Reference,
} from './ast.ts';
import { Declarations } from './declarations.ts';
import {
  type CoreInstanceItem,
  type CoreItem,
  type InstanceItem,
  type InstantiateStep,
  type Item,
  Scope,
} from './items.ts';
import { LinkBudget } from './link-budget.ts';
import { addCanon } from './link-canon.ts';
import { addAlias, addItem, addReexport, coreItem, item } from './references.ts';
import type { Resource } from './types.ts';

/**
 * A component with all its nested components inlined: which core modules to instantiate, with which arguments, in which
 * order.
 */
export interface LinkedComponent {
  readonly imports: readonly Named<Item>[];
  readonly exports: readonly Named<Item>[];
  readonly steps: readonly InstantiateStep[];
  /** Every core module of the file in order, including those of nested components. */
  readonly modules: readonly CoreModule[];
  /** The number of component instances, including the outermost one. */
  readonly instances: number;
  /** By component instance: the instance whose component instantiates it; undefined for the outermost. */
  readonly parents: readonly (number | undefined)[];
  readonly destructors: ReadonlyMap<Resource, CoreItem>;
}

/**
 * Resolves every index of a component and inlines the components that it instantiates. It does not check whether types
 * fit each other, because the validator of whoever runs the component does that.
 *
 * @throws {WasmError} `WASM_MALFORMED`, `WASM_TOO_LARGE`, `WASM_UNSUPPORTED`
 */
export function linkComponent(component: Component): LinkedComponent {
  return new Linker(component).link();
}

/**
 * Returns the world that a WIT text describes, from its encoding (`component-type` in a core module's custom sections).
 */
export function linkWorld(encoded: Component): Pick<LinkedComponent, 'imports' | 'exports'> {
  return new Linker(encoded).world();
}

type ImportItem = (name: string, description: ExternDescription, scope: Scope) => Item;

class Linker {
  readonly #component: Component;
  readonly #modules: readonly CoreModule[];
  readonly #moduleIndices: ReadonlyMap<CoreModule, number>;
  readonly #steps: InstantiateStep[] = [];
  readonly #budget = new LinkBudget();
  readonly #declarations = new Declarations(this.#budget);
  readonly #parents: (number | undefined)[] = [];

  constructor(component: Component) {
    this.#component = component;
    this.#modules = modulesOf(component);
    this.#moduleIndices = new Map(this.#modules.map((module, index) => [module, index]));
  }

  link(): LinkedComponent {
    const imports: Named<Item>[] = [];
    const exports = this.#instantiate(this.#component, new Scope(), undefined, (name, description, scope) => {
      const item = this.#declarations.abstract(description, scope, [name]);
      imports.push({ name, value: item });
      return item;
    });
    return {
      imports,
      exports: entries(exports),
      steps: this.#steps,
      modules: this.#modules,
      instances: this.#parents.length,
      parents: this.#parents,
      destructors: this.#declarations.destructors,
    };
  }

  /** Instantiates a component and returns its exports. `importItem` supplies the imports. */
  #instantiate(
    component: Component,
    scope: Scope,
    parent: number | undefined,
    importItem: ImportItem,
  ): ReadonlyMap<string, Item> {
    return this.#budget.deeper('components instantiated', () => this.#instance(component, scope, parent, importItem));
  }

  #instance(
    component: Component,
    scope: Scope,
    parent: number | undefined,
    importItem: ImportItem,
  ): ReadonlyMap<string, Item> {
    const instance = this.#parents.push(parent) - 1;
    const exports = new Map<string, Item>();
    for (const definition of component.definitions) {
      this.#budget.step();
      if (definition.kind === 'import') {
        addItem(scope, definition.description, importItem(definition.name, definition.description, scope));
      } else if (definition.kind === 'export') {
        const item = this.#exported(definition.target, definition.description, scope);
        exports.set(definition.name, item);
        addReexport(scope, definition.target, item);
      } else this.#define(definition, scope, instance);
    }
    return exports;
  }

  #define(definition: Definition, scope: Scope, instance: number): void {
    switch (definition.kind) {
      case 'core module': {
        const index = this.#moduleIndices.get(definition.module) as number;
        scope.add('core module', { module: definition.module, index });
        return;
      }
      case 'core instance':
        scope.add('core instance', this.#coreInstance(definition.expression, scope));
        return;
      case 'core type':
        scope.add('core type', { kind: 'opaque' });
        return;
      case 'component':
        scope.add('component', { sort: 'component', component: definition.component, scope });
        return;
      case 'instance':
        scope.add('instance', this.#instanceItem(definition.expression, scope, instance));
        return;
      case 'alias':
        addAlias(scope, definition.alias);
        return;
      case 'type':
        scope.add('type', this.#declarations.type(definition.type, scope, instance));
        return;
      case 'canon':
        addCanon(scope, definition.canon, instance);
        return;
      case 'start':
        throw new WasmError('WASM_UNSUPPORTED', "a component's start function is not supported here");
    }
  }

  #coreInstance(expression: CoreInstanceExpression, scope: Scope): CoreInstanceItem {
    if (expression.kind === 'exports') {
      const exports = expression.exports.map(({ name, value }) => [name, coreItem(scope, value)] as const);
      this.#budget.step(weight(expression.exports));
      return { kind: 'exports', exports: new Map(exports) };
    }
    const module = scope.get('core module', expression.module);
    if (module === undefined) throw new WasmError('WASM_UNSUPPORTED', 'an imported core module is instantiated');
    this.#budget.step(weight(expression.args));
    const args = expression.args.map(({ name, value }) => ({ name, value: scope.get('core instance', value) }));
    this.#steps.push({ module: module.index, args });
    return { kind: 'instantiated', step: this.#steps.length - 1 };
  }

  #instanceItem(expression: InstanceExpression, scope: Scope, parent: number): InstanceItem {
    if (expression.kind === 'exports') {
      this.#budget.step(expression.exports.length);
      const exports = expression.exports.map(({ name, value }) => [name, item(scope, value)] as const);
      return { sort: 'instance', exports: new Map(exports) };
    }
    const target = scope.get('component', expression.component);
    if ('abstract' in target) throw new WasmError('WASM_UNSUPPORTED', 'an imported component is instantiated');
    this.#budget.step(expression.args.length);
    const args = new Map(expression.args.map(({ name, value }) => [name, item(scope, value)]));
    const exports = this.#instantiate(target.component, new Scope(target.scope), parent, (name) => {
      const argument = args.get(name);
      if (argument === undefined) {
        throw new WasmError('WASM_MALFORMED', 'a component is instantiated without an argument for one of its imports');
      }
      return argument;
    });
    return { sort: 'instance', exports };
  }

  #exported(target: Reference, description: ExternDescription | undefined, scope: Scope): Item {
    const found = item(scope, target);
    if (description === undefined || found.sort !== 'instance' || description.kind !== 'instance') return found;
    // An ascribed type hides the exports that it does not name.
    this.#budget.step(found.exports.size);
    const visible = this.#declarations.abstract(description, scope, []);
    const names = visible.sort === 'instance' ? visible.exports : new Map<string, Item>();
    return { sort: 'instance', exports: new Map([...found.exports].filter(([name]) => names.has(name))) };
  }

  /**
   * Returns the world that a WIT text was encoded as: the type of a component inside the type of a component, exported
   * by its name.
   */
  world(): Pick<LinkedComponent, 'imports' | 'exports'> {
    for (const { value } of this.link().exports) {
      if (value.sort !== 'type' || value.type.kind !== 'component type') continue;
      for (const world of this.#declarations.declarations(value.type, []).exports.values()) {
        if (world.sort !== 'component' || !('abstract' in world)) continue;
        const { imports, exports } = this.#declarations.declarations(world.abstract, []);
        return { imports: entries(imports), exports: entries(exports) };
      }
    }
    throw new WasmError('WASM_UNSUPPORTED', 'this is not the encoding of a world: it exports no type of a component');
  }
}

/** The cost of keeping names for each instance of a component. A long name counts as several. */
function weight(named: readonly Named<unknown>[]): number {
  return named.reduce((sum, { name }) => sum + 1 + (name.length >> 6), 0);
}

function entries(items: ReadonlyMap<string, Item>): Named<Item>[] {
  return [...items].map(([name, value]) => ({ name, value }));
}

function modulesOf(component: Component): CoreModule[] {
  return component.definitions.flatMap((definition) => {
    if (definition.kind === 'component') return modulesOf(definition.component);
    return definition.kind === 'core module' ? [definition.module] : [];
  });
}

/** Returns the type of a memory that is exported by a core instance; undefined for any other item. */
export function memoryOf({ steps, modules }: LinkedComponent, item: CoreItem): CoreMemory | undefined {
  if (item.kind !== 'core export') return undefined;
  const module = modules[steps[item.instance]?.module ?? -1];
  const exported = module?.exports.find(({ name, value }) => name === item.name && value.sort === 'memory');
  if (module === undefined || exported === undefined) return undefined;
  const memories = [...module.imports.flatMap(({ memory }) => memory ?? []), ...module.memories];
  return memories[exported.value.index];
}
