import { WasmError } from '../errors.ts';
import type {
  Alias,
  Canon,
  Component,
  CoreInstanceExpression,
  CoreModule,
  Definition,
  ExternDescription,
  InstanceExpression,
  Named,
  Reference,
  TypeDefinition,
} from './ast.ts';
import {
  type CoreInstanceItem,
  type CoreItem,
  type DeclaredType,
  type InstanceItem,
  type InstantiateStep,
  type Item,
  Scope,
  type Type,
} from './items.ts';
import { addItem, addReexport, coreExport, coreItem, item, linkOptions, noExport } from './references.ts';
import { mismatch, resolveFuncType, resolveType } from './resolve-types.ts';
import type { Resource } from './types.ts';

/** A component instantiating one that instantiates others doubles work at each level: it is bounded as a whole. */
const MAX_WORK = 400_000;
const MAX_DEPTH = 64;

/** A component with all its nested components inlined: which core modules to instantiate, with what, in which order. */
export interface LinkedComponent {
  readonly imports: readonly Named<Item>[];
  readonly exports: readonly Named<Item>[];
  readonly steps: readonly InstantiateStep[];
  /** Every core module of the file, nested components' included, in the order of the file. */
  readonly modules: readonly CoreModule[];
  /** How many component instances there are, the outermost included. */
  readonly instances: number;
  readonly destructors: ReadonlyMap<Resource, CoreItem>;
}

/**
 * Resolves every index of a component and inlines the components that it instantiates. Whether the types fit each other
 * is not looked at: that is for the validator of whoever runs the component.
 *
 * @throws {WasmError} `WASM_MALFORMED`, `WASM_TOO_LARGE`, `WASM_UNSUPPORTED`
 */
export function linkComponent(component: Component): LinkedComponent {
  return new Linker(component).link();
}

/** The world that WIT text says, from its encoding (`component-type` in a core module's custom sections). */
export function linkWorld(encoded: Component): Pick<LinkedComponent, 'imports' | 'exports'> {
  return new Linker(encoded).world();
}

class Linker {
  readonly #component: Component;
  readonly #modules: readonly CoreModule[];
  readonly #moduleIndices: ReadonlyMap<CoreModule, number>;
  readonly #steps: InstantiateStep[] = [];
  readonly #destructors = new Map<Resource, CoreItem>();
  #instances = 0;
  #work = 0;
  #depth = 0;

  constructor(component: Component) {
    this.#component = component;
    this.#modules = modulesOf(component);
    this.#moduleIndices = new Map(this.#modules.map((module, index) => [module, index]));
  }

  link(): LinkedComponent {
    const imports: Named<Item>[] = [];
    const exports = this.#instantiate(this.#component, new Scope(), (name, description, scope) => {
      const item = this.#abstract(description, scope, [name]);
      imports.push({ name, value: item });
      return item;
    });
    return {
      imports,
      exports: entries(exports),
      steps: this.#steps,
      modules: this.#modules,
      instances: this.#instances,
      destructors: this.#destructors,
    };
  }

  /** One instance of a component: its exports. `importItem` gives what it imports. */
  #instantiate(
    component: Component,
    scope: Scope,
    importItem: (name: string, description: ExternDescription, scope: Scope) => Item,
  ): ReadonlyMap<string, Item> {
    if (++this.#depth > MAX_DEPTH) throw tooMuch(`components instantiated ${MAX_DEPTH} levels deep`);
    const instance = this.#instances++;
    const exports = new Map<string, Item>();
    for (const definition of component.definitions) {
      this.#step();
      if (definition.kind === 'import') {
        addItem(scope, definition.description, importItem(definition.name, definition.description, scope));
      } else if (definition.kind === 'export') {
        const item = this.#exported(definition.target, definition.description, scope);
        exports.set(definition.name, item);
        addReexport(scope, definition.target, item);
      } else this.#define(definition, scope, instance);
    }
    this.#depth--;
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
        scope.add('instance', this.#instance(definition.expression, scope));
        return;
      case 'alias':
        this.#alias(definition.alias, scope);
        return;
      case 'type':
        scope.add('type', this.#type(definition.type, scope, instance));
        return;
      case 'canon':
        this.#canon(definition.canon, scope, instance);
        return;
      case 'start':
        throw new WasmError('WASM_UNSUPPORTED', "a component's start function is not supported here");
    }
  }

  #type(type: TypeDefinition, scope: Scope, instance: number | undefined): Type {
    if (type.kind === 'instance' || type.kind === 'component') {
      return { kind: `${type.kind} type`, declarations: type.declarations, scope };
    }
    if (type.kind !== 'resource') return resolveType(type, scope);
    const resource: Resource = { kind: 'resource', imported: instance === undefined };
    if (type.destructor !== undefined) this.#destructors.set(resource, scope.get('core func', type.destructor));
    return resource;
  }

  #canon(canon: Canon, scope: Scope, instance: number): void {
    if (canon.kind === 'lift') {
      const type = resolveFuncType(canon.type, scope);
      const coreFunc = scope.get('core func', canon.coreFunc);
      const options = linkOptions(canon.options, scope);
      scope.add('func', { sort: 'func', type, definition: { kind: 'lift', coreFunc, options, instance } });
      return;
    }
    scope.add('core func', this.#coreFunc(canon, scope, instance));
  }

  #coreFunc(canon: Exclude<Canon, { kind: 'lift' }>, scope: Scope, instance: number): CoreItem {
    if (canon.kind === 'builtin') return canon;
    if (canon.kind === 'lower') {
      return {
        kind: 'lower',
        func: scope.get('func', canon.func),
        options: linkOptions(canon.options, scope),
        instance,
      };
    }
    const resource = scope.get('type', canon.resource);
    if (resource.kind !== 'resource') throw mismatch(canon.resource, resource, 'a resource');
    return { kind: canon.kind, resource, instance };
  }

  #coreInstance(expression: CoreInstanceExpression, scope: Scope): CoreInstanceItem {
    if (expression.kind === 'exports') {
      const exports = expression.exports.map(({ name, value }) => [name, coreItem(scope, value)] as const);
      this.#step(exports.length);
      return { kind: 'exports', exports: new Map(exports) };
    }
    const module = scope.get('core module', expression.module);
    if (module === undefined) throw new WasmError('WASM_UNSUPPORTED', 'an imported core module is instantiated');
    this.#step(expression.args.length);
    const args = expression.args.map(({ name, value }) => ({ name, value: scope.get('core instance', value) }));
    this.#steps.push({ module: module.index, args });
    return { kind: 'instantiated', step: this.#steps.length - 1 };
  }

  #instance(expression: InstanceExpression, scope: Scope): InstanceItem {
    if (expression.kind === 'exports') {
      this.#step(expression.exports.length);
      const exports = expression.exports.map(({ name, value }) => [name, item(scope, value)] as const);
      return { sort: 'instance', exports: new Map(exports) };
    }
    const target = scope.get('component', expression.component);
    if ('abstract' in target) throw new WasmError('WASM_UNSUPPORTED', 'an imported component is instantiated');
    this.#step(expression.args.length);
    const args = new Map(expression.args.map(({ name, value }) => [name, item(scope, value)]));
    const exports = this.#instantiate(target.component, new Scope(target.scope), (name) => {
      const argument = args.get(name);
      if (argument === undefined) {
        throw new WasmError('WASM_MALFORMED', 'a component is instantiated without an argument for one of its imports');
      }
      return argument;
    });
    return { sort: 'instance', exports };
  }

  #alias(alias: Alias, scope: Scope): void {
    if (alias.kind === 'outer') {
      const outer = scope.outer(alias.count);
      scope.add(alias.sort, outer.get(alias.sort, alias.index));
    } else if (alias.kind === 'core export') {
      scope.add(`core ${alias.sort}`, coreExport(scope.get('core instance', alias.instance), alias.name, alias.sort));
    } else {
      const found = scope.get('instance', alias.instance).exports.get(alias.name);
      if (found === undefined || found.sort !== alias.sort) throw noExport(alias.sort);
      addReexport(scope, { sort: alias.sort, index: 0 }, found);
    }
  }

  #exported(target: Reference, description: ExternDescription | undefined, scope: Scope): Item {
    const found = item(scope, target);
    if (description === undefined || found.sort !== 'instance' || description.kind !== 'instance') return found;
    // What an ascribed type does not name is hidden.
    const visible = this.#abstract(description, scope, []);
    const names = visible.sort === 'instance' ? visible.exports : new Map<string, Item>();
    return { sort: 'instance', exports: new Map([...found.exports].filter(([name]) => names.has(name))) };
  }

  /** What an import or a declaration stands for, seen from inside. */
  #abstract(description: ExternDescription, scope: Scope, path: readonly string[]): Item {
    switch (description.kind) {
      case 'func':
        return { sort: 'func', type: resolveFuncType(description.type, scope), definition: { kind: 'import', path } };
      case 'instance': {
        const type = scope.get('type', description.type);
        if (type.kind !== 'instance type') throw mismatch(description.type, type, "an instance's type");
        return { sort: 'instance', exports: this.#declarations(type, path).exports };
      }
      case 'type': {
        if (description.bound === 'resource') return { sort: 'type', type: { kind: 'resource', imported: true } };
        return { sort: 'type', type: scope.get('type', description.bound.equal) };
      }
      case 'component': {
        const type = scope.get('type', description.type);
        if (type.kind !== 'component type') throw mismatch(description.type, type, "a component's type");
        return { sort: 'component', abstract: type };
      }
      default:
        return { sort: description.kind };
    }
  }

  /** The items that an instance's or component's type speaks of. */
  #declarations(
    type: DeclaredType,
    path: readonly string[],
  ): { imports: ReadonlyMap<string, Item>; exports: ReadonlyMap<string, Item> } {
    if (++this.#depth > MAX_DEPTH) throw tooMuch(`types ${MAX_DEPTH} levels deep`);
    const scope = new Scope(type.scope);
    const imports = new Map<string, Item>();
    const exports = new Map<string, Item>();
    for (const declaration of type.declarations) {
      this.#step();
      if (declaration.kind === 'core type') scope.add('core type', { kind: 'opaque' });
      else if (declaration.kind === 'type') scope.add('type', this.#type(declaration.type, scope, undefined));
      else if (declaration.kind === 'alias') this.#alias(declaration.alias, scope);
      else {
        const item = this.#abstract(declaration.description, scope, [...path, declaration.name]);
        (declaration.kind === 'import' ? imports : exports).set(declaration.name, item);
        addItem(scope, declaration.description, item);
      }
    }
    this.#depth--;
    return { imports, exports };
  }

  /** The world that WIT text was encoded as: a component's type, in a component's type, exported by its name. */
  world(): Pick<LinkedComponent, 'imports' | 'exports'> {
    for (const { value } of this.link().exports) {
      if (value.sort !== 'type' || value.type.kind !== 'component type') continue;
      for (const world of this.#declarations(value.type, []).exports.values()) {
        if (world.sort !== 'component' || !('abstract' in world)) continue;
        const { imports, exports } = this.#declarations(world.abstract, []);
        return { imports: entries(imports), exports: entries(exports) };
      }
    }
    throw new WasmError('WASM_UNSUPPORTED', 'this is not the encoding of a world: it exports no type of a component');
  }

  #step(work = 1): void {
    this.#work += work;
    if (this.#work > MAX_WORK) throw tooMuch(`more than ${MAX_WORK} definitions when its components are instantiated`);
  }
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

function tooMuch(what: string): WasmError {
  return new WasmError('WASM_TOO_LARGE', `the component has ${what}; make it smaller`);
}
