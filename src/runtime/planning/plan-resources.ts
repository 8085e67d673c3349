import type { HostSlot, PlannedResource } from '#runtime/direct';
import type { ResourceType } from '#runtime/resources';
import type { CoreItem, LinkedComponent, Resource } from '#wasm';
import { camelCase, pascalCase } from './code.ts';
import { NotDirect } from './not-direct.ts';
import { destroyCode } from './resource-code.ts';

type Exports = Extract<LinkedComponent['imports'][number]['value'], { sort: 'instance' }>['exports'];

/** A resource type by its number, with the component instance or the interface of the host that defines it. */
interface PlannedUse {
  readonly id: number;
  readonly definedBy: number | undefined;
  readonly host: { readonly from: string; readonly name: string } | undefined;
}

/** Gives numbers to the resource types of a component: first to those that the host defines, then to those that the component defines. */
export class ResourceNumbers {
  readonly #linked: LinkedComponent;
  readonly #nameOf: (shown: string) => string;
  readonly #imported = new Map<Resource, { id: number; slot: HostSlot; name: string }>();
  readonly #defined = new Map<Resource, number>();

  constructor(linked: LinkedComponent, nameOf: (shown: string) => string) {
    this.#linked = linked;
    this.#nameOf = nameOf;
    for (const { name, value } of linked.imports) {
      if (value.sort === 'instance') this.#nameAll(name, value.exports);
      else if (value.sort === 'type' && value.type.kind === 'resource') {
        this.#name(value.type, { from: name, property: 'default' }, name);
      }
    }
  }

  /** Where the host's resource classes are found, by the number of the type. */
  get classes(): readonly HostSlot[] {
    return [...this.#imported.values()].map(({ slot }) => slot);
  }

  /** The resource types that the component defines and that its functions use. */
  get defined(): readonly PlannedResource[] {
    const names = this.#exportedNames();
    return [...this.#defined].map(([resource, id]) => {
      return {
        id,
        definedBy: resource.definedBy as number,
        ...(names.get(resource) ?? { name: 'resource', path: '', methods: [] }),
      };
    });
  }

  of(resource: Resource): PlannedUse {
    const { definedBy } = resource;
    if (definedBy !== undefined) return { id: this.definedNumber(resource), definedBy, host: undefined };
    const known = this.#imported.get(resource);
    if (known === undefined) throw new NotDirect('uses a resource that no import names');
    const { id, slot, name } = known;
    return { id, definedBy, host: { from: slot.from, name } };
  }

  definedNumber(resource: Resource): number {
    const known = this.#defined.get(resource);
    if (known !== undefined) return known;
    const id = this.#imported.size + this.#defined.size;
    this.#defined.set(resource, id);
    return id;
  }

  /**
   * The component instances that a call enters: the callee and those that contain it, without the caller and those that
   * contain the caller. None of them may be running.
   */
  entering(callee: number, caller: number | undefined): readonly number[] {
    const around = caller === undefined ? [] : this.#around(caller);
    return this.#around(callee).filter((instance) => !around.includes(instance));
  }

  /** Returns, for each resource type of the component, its number and the text of the function that destroys a resource that the embedder releases. */
  destroys(callee: (destructor: CoreItem) => string): string[] {
    return [...this.#defined].map(([resource, id]) => {
      const destructor = this.#linked.destructors.get(resource);
      const entering = this.entering(resource.definedBy as number, undefined);
      return `[${id}, ${destroyCode(entering, destructor && callee(destructor))}]`;
    });
  }

  #around(instance: number): number[] {
    const all: number[] = [];
    for (let at: number | undefined = instance; at !== undefined; at = this.#linked.parents[at]) all.push(at);
    return all;
  }

  /** The names of the resource types in the exports. The first export that has a type names it. */
  #exportedNames(): ReadonlyMap<Resource, ResourceType> {
    const names = new Map<Resource, ResourceType>();
    const add = (path: string, exports: Exports): void => {
      for (const [name, item] of exports) {
        if (item.sort !== 'type' || item.type.kind !== 'resource' || names.has(item.type)) continue;
        const prefix = `[method]${name}.`;
        const methods = [...exports.keys()].filter((each) => each.startsWith(prefix));
        names.set(item.type, {
          name,
          path,
          methods: methods.map((each) => ({ name: each, property: camelCase(each.slice(prefix.length)) })),
        });
      }
    };
    for (const { name, value } of this.#linked.exports) {
      if (value.sort === 'instance') add(`${this.#nameOf(name)}#`, value.exports);
    }
    add('', new Map(this.#linked.exports.map(({ name, value }) => [name, value])));
    return names;
  }

  #nameAll(from: string, exports: Exports): void {
    for (const [name, item] of exports) {
      if (item.sort === 'type' && item.type.kind === 'resource') {
        this.#name(item.type, { from, property: pascalCase(name) }, name);
      }
    }
  }

  /** The first interface with a resource defines the resource; later interfaces only use it. */
  #name(resource: Resource, slot: HostSlot, name: string): void {
    if (!this.#imported.has(resource)) this.#imported.set(resource, { id: this.#imported.size, slot, name });
  }
}
