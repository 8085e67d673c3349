import type { ExternDescription, TypeDefinition } from './ast.ts';
import { type CoreItem, type DeclaredType, type Item, Scope, type Type } from './items.ts';
import type { LinkBudget } from './link-budget.ts';
import { addAlias, addItem } from './references.ts';
import { mismatch, resolveFuncType, resolveType } from './resolve-types.ts';
import type { Resource } from './types.ts';

/** The items that the type of an instance or component declares. */
export interface DeclaredItems {
  readonly imports: ReadonlyMap<string, Item>;
  readonly exports: ReadonlyMap<string, Item>;
}

/** Evaluates types, and items that are known only by their type. */
export class Declarations {
  readonly destructors = new Map<Resource, CoreItem>();
  readonly #budget: LinkBudget;

  constructor(budget: LinkBudget) {
    this.#budget = budget;
  }

  /** @param instance the component instance that defines the type; undefined for a type that is only declared */
  type(type: TypeDefinition, scope: Scope, instance: number | undefined): Type {
    if (type.kind === 'instance' || type.kind === 'component') {
      return { kind: `${type.kind} type`, declarations: type.declarations, scope };
    }
    if (type.kind !== 'resource') return resolveType(type, scope);
    const resource: Resource = { kind: 'resource', imported: instance === undefined, definedBy: instance };
    if (type.destructor !== undefined) this.destructors.set(resource, scope.get('core func', type.destructor));
    return resource;
  }

  /** Returns the item that an import or declaration stands for, as seen from inside. */
  abstract(description: ExternDescription, scope: Scope, path: readonly string[]): Item {
    switch (description.kind) {
      case 'func':
        return { sort: 'func', type: resolveFuncType(description.type, scope), definition: { kind: 'import', path } };
      case 'instance': {
        const type = scope.get('type', description.type);
        if (type.kind !== 'instance type') throw mismatch(description.type, type, "an instance's type");
        return { sort: 'instance', exports: this.declarations(type, path).exports };
      }
      case 'type': {
        if (description.bound === 'resource') {
          return { sort: 'type', type: { kind: 'resource', imported: true, definedBy: undefined } };
        }
        return { sort: 'type', type: scope.get('type', description.bound.equal) };
      }
      case 'component': {
        const type = scope.get('type', description.type);
        if (type.kind !== 'component type') throw mismatch(description.type, type, "a component's type");
        return { sort: 'component', abstract: type };
      }
      default:
        return description.kind === 'value' ? { sort: 'value' } : { sort: 'core module', module: undefined };
    }
  }

  /** Returns the items that the type of an instance or component declares. */
  declarations(type: DeclaredType, path: readonly string[]): DeclaredItems {
    return this.#budget.deeper('types', () => this.#declared(type, path));
  }

  #declared(type: DeclaredType, path: readonly string[]): DeclaredItems {
    const scope = new Scope(type.scope);
    const imports = new Map<string, Item>();
    const exports = new Map<string, Item>();
    for (const declaration of type.declarations) {
      this.#budget.step();
      if (declaration.kind === 'core type') scope.add('core type', { kind: 'opaque' });
      else if (declaration.kind === 'type') scope.add('type', this.type(declaration.type, scope, undefined));
      else if (declaration.kind === 'alias') addAlias(scope, declaration.alias);
      else {
        const item = this.abstract(declaration.description, scope, [...path, declaration.name]);
        (declaration.kind === 'import' ? imports : exports).set(declaration.name, item);
        addItem(scope, declaration.description, item);
      }
    }
    return { imports, exports };
  }
}
