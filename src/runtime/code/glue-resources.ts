import { type ArgumentType, type ExportedFunction, type ExportIndex, isTaggedOption } from '#runtime/exports';
import { memberName } from '#runtime/names';
import { type GivenResources, type ResourceHolder, ResourceObject, type ResourceType } from '#runtime/resources';
import type { Callable } from './glue-function.ts';

/** The exports that the generated code returned, by name. */
type Exports = Readonly<Record<string, unknown>>;

/** The resources of an instance: its table, and the resource types by the prototypes of the glue's objects. */
interface Instance {
  readonly given: GivenResources;
  readonly types: ReadonlyMap<object, ResourceType>;
}

type Handle = Extract<ArgumentType['shape'], { kind: 'own' | 'borrow' }>;

/**
 * Hides from the embedder the objects that jco's glue makes for a component's resources, because their methods and disposers would run
 * the guest outside a turn. The embedder gets the store's objects instead, as on the direct path.
 */
export class GlueResources {
  readonly #index: () => ExportIndex;
  readonly #instances = new WeakMap<Exports, Instance>();
  readonly #types = new Map<string, ResourceType>();
  readonly #holding = new WeakMap<ArgumentType, boolean>();

  constructor(index: () => ExportIndex) {
    this.#index = index;
  }

  /** Records the resource classes that an instance exports. */
  attach(exports: Exports, holder: ResourceHolder | undefined): void {
    const types = new Map<object, ResourceType>();
    for (const owner of Object.keys(exports)) {
      const holds = exports[owner];
      if (typeof holds !== 'object' || holds === null) continue;
      for (const [name, value] of Object.entries(holds)) {
        if (isClass(value)) types.set(value.prototype, this.#typeOf(owner, name));
      }
    }
    if (holder === undefined || types.size === 0) return;
    const given = holder.hold((_, object) => (object as Disposable)[Symbol.dispose]());
    this.#instances.set(exports, { given, types });
  }

  /** Wraps an exported function, so that the store's objects stand for resources in its arguments and its result. */
  crossing(exports: Exports, exported: ExportedFunction, call: Callable): Callable {
    const instance = this.#instances.get(exports);
    const { params, result } = exported;
    const types = result === undefined ? params : [...params, { type: result }];
    if (instance === undefined || !types.some(({ type }) => this.#holds(type))) return call;
    const { given } = instance;
    const answer = (type: ArgumentType | undefined, value: unknown): unknown =>
      this.#map(type, value, (_, object) => give(instance, object));
    const fallible = result?.shape.kind === 'result' ? result.shape : undefined;
    return (...args) => {
      const taken = this.#claim(given, params, args);
      try {
        const value = call(...taken);
        return answer(fallible === undefined ? result : fallible.ok, value);
      } catch (thrown) {
        throw thrown instanceof Error ? thrown : answer(fallible?.error, thrown);
      } finally {
        given.endCall();
      }
    };
  }

  #claim(given: GivenResources, params: ExportedFunction['params'], args: readonly unknown[]): readonly unknown[] {
    try {
      return params.map(({ type }, at) =>
        this.#map(type, args[at], ({ kind, resource }, value) => {
          const found = ResourceObject.recordOf(value)?.type;
          const wanted: ResourceType =
            found !== undefined && found.name === resource ? found : { name: resource, path: '', methods: [] };
          return given.claim(wanted, value, kind === 'own', at + 1).representation;
        }),
      );
    } catch (error) {
      given.disclaim();
      throw error;
    }
  }

  /** Returns the value with each of its resources replaced by what `each` returns. */
  #map(type: ArgumentType | undefined, value: unknown, each: (handle: Handle, value: unknown) => unknown): unknown {
    if (type === undefined || !this.#holds(type)) return value;
    const { shape } = type;
    if (shape.kind === 'own' || shape.kind === 'borrow') return each(shape, value);
    if (shape.kind === 'option' && !isTaggedOption(shape)) {
      return value === undefined || value === null ? value : this.#map(shape.element, value, each);
    }
    if (typeof value !== 'object' || value === null) return value;
    const part = (key: string, inner: ArgumentType | undefined): readonly [string, unknown] => [
      key,
      this.#map(inner, Reflect.get(value, key), each),
    ];
    switch (shape.kind) {
      case 'list':
        return Array.isArray(value) ? value.map((item) => this.#map(shape.element, item, each)) : value;
      case 'tuple':
        return Array.isArray(value) ? value.map((item, at) => this.#map(shape.elements[at], item, each)) : value;
      case 'record':
        return Object.fromEntries(shape.fields.map((field) => part(memberName(field.name), field.type)));
      default:
        return { ...value, ...Object.fromEntries([part('val', payloadOf(shape, Reflect.get(value, 'tag')))]) };
    }
  }

  #holds(type: ArgumentType): boolean {
    const known = this.#holding.get(type);
    if (known !== undefined) return known;
    const holds = partsOf(type.shape).some((part) => this.#holds(part)) || isHandle(type.shape);
    this.#holding.set(type, holds);
    return holds;
  }

  /** @param name the name of the glue's class; the resource's WIT name comes from the names of its functions */
  #typeOf(owner: string, name: string): ResourceType {
    const key = `${owner}#${name}`;
    let type = this.#types.get(key);
    if (type === undefined) {
      const members = this.#index().functions.filter(
        (each) => each.property === owner && resourceOf(each)?.class === name,
      );
      const [first] = members;
      type = {
        name: (first && resourceOf(first)?.name) ?? name.toLowerCase(),
        path: first?.owner === undefined ? '' : `${first.owner}#`,
        methods: members
          .filter(({ member }) => member.startsWith('[method]'))
          .map(({ member }) => ({ name: member, property: memberName(member.slice(member.indexOf('.') + 1)) })),
      };
      this.#types.set(key, type);
    }
    return type;
  }
}

function give({ given, types }: Instance, object: unknown): unknown {
  const type = typeof object === 'object' && object !== null ? types.get(Object.getPrototypeOf(object)) : undefined;
  return type === undefined ? object : given.give(type, object);
}

function isHandle(shape: ArgumentType['shape']): shape is Handle {
  return shape.kind === 'own' || shape.kind === 'borrow';
}

function partsOf(shape: ArgumentType['shape']): readonly ArgumentType[] {
  const given = (parts: readonly (ArgumentType | undefined)[]): ArgumentType[] =>
    parts.filter((part) => part !== undefined);
  switch (shape.kind) {
    case 'record':
      return shape.fields.map(({ type }) => type);
    case 'tuple':
      return shape.elements;
    case 'list':
    case 'option':
      return [shape.element];
    case 'variant':
      return given(shape.cases.map(({ type }) => type));
    case 'result':
      return given([shape.ok, shape.error]);
    default:
      return [];
  }
}

function payloadOf(shape: ArgumentType['shape'], tag: unknown): ArgumentType | undefined {
  if (shape.kind === 'variant') return shape.cases.find(({ name }) => name === tag)?.type;
  if (shape.kind === 'option') return tag === 'some' ? shape.element : undefined;
  return shape.kind === 'result' ? (tag === 'ok' ? shape.ok : shape.error) : undefined;
}

/** The WIT name of the resource that a function belongs to, and the name of the glue's class for it. */
function resourceOf({ member }: ExportedFunction): { readonly name: string; readonly class: string } | undefined {
  if (!member.startsWith('[')) return undefined;
  const [name = ''] = member.slice(member.indexOf(']') + 1).split('.');
  const camel = memberName(name);
  return { name, class: camel.charAt(0).toUpperCase() + camel.slice(1) };
}

function isClass(value: unknown): value is { readonly prototype: object } {
  return typeof value === 'function' && Function.prototype.toString.call(value).startsWith('class ');
}
