import { parseForeignJson } from '#core/text';
import { memberName } from '#runtime/names';
import type { DocComments, FuncType, LinkedComponent, Resource, TypeComments, ValueType } from '#wasm';
import type { ExportedFunction } from './exported-function.ts';
import { tagsCarried } from './result-tags.ts';
import { type ArgumentType, mapShape, type Shape } from './shape.ts';

/** The description of the largest interface stays far below these bounds. */
const BOUNDS = { maxLength: 64 * 2 ** 20, maxDepth: 32, maxItems: 4_000_000 };

/** The text's content. Types have numbers, and the parts of a type come before it. */
interface Description {
  readonly types: readonly Shape<number>[];
  /** The comments of types, by their numbers. */
  readonly comments: readonly {
    readonly type: number;
    readonly docs?: string | undefined;
    readonly items: Readonly<Record<string, string>>;
  }[];
  readonly functions: readonly {
    readonly owner?: string | undefined;
    readonly member: string;
    readonly property: string;
    readonly docs?: string | undefined;
    readonly params: readonly { readonly name: string; readonly type: number }[];
    readonly result?: number | undefined;
  }[];
  /** Imported functions that answer something. */
  readonly imports: readonly {
    readonly name: string;
    readonly result: number;
    readonly tags: readonly string[];
  }[];
}

/** What the checks of the host's answers need to know of an imported function. */
export interface DescribedImport {
  /** Its name in WIT, as `ns:pkg/iface@1.0.0#get`. */
  readonly name: string;
  readonly result: ArgumentType;
  /** Tags of a `result` that its ok value may have itself. */
  readonly tags: readonly string[];
}

/**
 * Describes the functions that a component exports, with their types, and what its imports answer, as a text that an artifact keeps.
 * @param nameOf finds the WIT name of an export of the world, where the transpiler was shown another name
 * @param docs the comments of the component's WIT
 */
export function describeExports(
  linked: Pick<LinkedComponent, 'imports' | 'exports'>,
  nameOf: (shown: string) => string = (shown) => shown,
  docs?: DocComments,
): string {
  const types = new Types(resourceNames([...linked.imports, ...linked.exports]));
  const functions: Description['functions'][number][] = [];
  const add = (owner: string | undefined, member: string, property: string, { params, result }: FuncType): void => {
    functions.push({
      owner,
      member,
      property,
      docs: docs?.ofFunction(owner, member),
      params: params.map(({ name, type }) => ({ name, type: types.number(type) })),
      result: result === undefined ? undefined : types.number(result),
    });
  };
  for (const { name, value } of linked.exports) {
    const property = name.includes(':') ? name : memberName(name);
    if (value.sort === 'func') add(undefined, nameOf(name), property, value.type);
    if (value.sort !== 'instance') continue;
    for (const [member, item] of value.exports) {
      if (item.sort === 'func') add(nameOf(name), member, property, item.type);
    }
  }
  const comments = docs === undefined ? [] : types.comments(commentsOfTypes(linked.exports, nameOf, docs));
  const imports: Description['imports'][number][] = [];
  const addImport = (name: string, { result }: FuncType): void => {
    if (result === undefined) return;
    const tags = result.kind === 'result' ? tagsCarried(result.ok) : [];
    imports.push({ name, result: types.number(result), tags });
  };
  for (const { name, value } of linked.imports) {
    if (value.sort === 'func') addImport(name, value.type);
    if (value.sort !== 'instance') continue;
    for (const [member, item] of value.exports) if (item.sort === 'func') addImport(`${name}#${member}`, item.type);
  }
  return JSON.stringify({ types: types.shapes, comments, functions, imports } satisfies Description);
}

/** Reads a description that `describeExports` wrote. The artifact that holds it is trusted. */
export function readDescription(text: string): {
  readonly functions: readonly ExportedFunction[];
  readonly imports: readonly DescribedImport[];
} {
  const { types, comments, functions, imports } = parseForeignJson(text, BOUNDS) as Description;
  const commented = new Map<number, TypeComments>(
    comments.map(({ type, docs, items }) => [type, { docs, items: new Map(Object.entries(items)) }]),
  );
  const read: ArgumentType[] = [];
  for (const [number, shape] of types.entries()) {
    read.push({ shape: mapShape(shape, (part) => read[part] as ArgumentType), comments: commented.get(number) });
  }
  return {
    functions: functions.map(({ owner, member, property, docs, params, result }) => ({
      name: owner === undefined ? member : `${owner}#${member}`,
      owner,
      member,
      property,
      docs,
      params: params.map(({ name, type }) => ({ name, type: read[type] as ArgumentType })),
      result: result === undefined ? undefined : read[result],
    })),
    imports: imports.map(({ name, result, tags }) => ({ name, result: read[result] as ArgumentType, tags })),
  };
}

/** Gives types numbers by identity, so that a part which many types share is written once. */
class Types {
  readonly shapes: Shape<number>[] = [];
  readonly #numbers = new Map<ValueType, number>();
  readonly #primitives = new Map<string, number>();
  readonly #resources: ReadonlyMap<Resource, string>;

  constructor(resources: ReadonlyMap<Resource, string>) {
    this.#resources = resources;
  }

  number(type: ValueType): number {
    const known = this.#numbers.get(type);
    if (known !== undefined) return known;
    const number = this.#add(mapShape(this.#shapeOf(type), (part) => this.number(part)));
    this.#numbers.set(type, number);
    return number;
  }

  /** Gives the types that functions use the comments of the exported types with the same kind and the same parts. */
  comments(found: ReadonlyMap<string, TypeComments | undefined>): Description['comments'] {
    return [...this.#numbers].flatMap(([type, number]) => {
      const comments = found.get(partsOf(type));
      if (comments === undefined) return [];
      return [{ type: number, docs: comments.docs, items: Object.fromEntries(comments.items) }];
    });
  }

  #shapeOf(type: ValueType): Shape<ValueType> {
    if (type.kind !== 'own' && type.kind !== 'borrow') return type as Exclude<ValueType, { kind: 'own' | 'borrow' }>;
    return { kind: type.kind, resource: this.#resources.get(type.resource) ?? 'resource' };
  }

  /** Finds primitives by kind, because every mention of one is an object of its own. */
  #add(shape: Shape<number>): number {
    const primitive = Object.keys(shape).length === 1;
    const known = primitive ? this.#primitives.get(shape.kind) : undefined;
    if (known !== undefined) return known;
    const number = this.shapes.push(shape) - 1;
    if (primitive) this.#primitives.set(shape.kind, number);
    return number;
  }
}

function resourceNames(externs: LinkedComponent['imports']): ReadonlyMap<Resource, string> {
  const names = new Map<Resource, string>();
  const add = (name: string, item: LinkedComponent['imports'][number]['value']): void => {
    if (item.sort === 'type' && item.type.kind === 'resource' && !names.has(item.type)) names.set(item.type, name);
  };
  for (const { name, value } of externs) {
    add(name, value);
    if (value.sort === 'instance') for (const [inner, item] of value.exports) add(inner, item);
  }
  return names;
}

/**
 * Finds the comments of exported types by the types' parts, because a binary defines a type again wherever a function uses it. Of two
 * types with the same parts and different comments, which one a function means cannot be told, so neither comment is used.
 */
function commentsOfTypes(
  exports: LinkedComponent['exports'],
  nameOf: (shown: string) => string,
  docs: DocComments,
): ReadonlyMap<string, TypeComments | undefined> {
  const found = new Map<string, TypeComments | undefined>();
  for (const { name, value } of exports) {
    if (value.sort !== 'instance') continue;
    for (const [member, item] of value.exports) {
      if (item.sort !== 'type' || !('nodes' in item.type)) continue;
      const parts = partsOf(item.type);
      if (parts === '') continue;
      const comments = docs.ofType(nameOf(name), member);
      found.set(parts, found.has(parts) && found.get(parts) !== comments ? undefined : comments);
    }
  }
  return found;
}

/** The kind and the names of the parts of a type that WIT has to name; empty for other types. */
function partsOf(type: ValueType): string {
  if (type.kind === 'record') return `record ${type.fields.map(({ name }) => name).join()}`;
  if (type.kind === 'variant') return `variant ${type.cases.map(({ name }) => name).join()}`;
  if (type.kind === 'enum' || type.kind === 'flags') return `${type.kind} ${type.labels.join()}`;
  return '';
}
