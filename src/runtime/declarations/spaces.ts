import { memberName } from '#runtime/names';
import type { FuncType, Resource, ValueType, World } from '#wasm';

type Extern = World['imports'][number];

/** A type with a name. */
export interface NamedType {
  /** Its name in WIT. */
  readonly wit: string;
  /** Its name in TypeScript, in PascalCase. */
  readonly name: string;
  readonly type: ValueType | Resource;
  /** The space that defines it; another one that has it uses it from there. */
  readonly of: Space;
}

/** A function of an interface or of the world. */
export interface SpaceFunction {
  readonly name: string;
  readonly type: FuncType;
}

/** A resource's functions. */
export interface Members {
  readonly constructs: FuncType | undefined;
  readonly methods: readonly SpaceFunction[];
  readonly statics: readonly SpaceFunction[];
}

/** An interface of a world, or the world itself, with what it imports or what it exports. */
export interface Space {
  /** The interface's name in WIT; empty for the world. */
  readonly owner: string;
  /** Its name in TypeScript. */
  readonly name: string;
  readonly isExport: boolean;
  readonly types: readonly NamedType[];
  readonly functions: readonly SpaceFunction[];
  /** The resources of the space, by their names in WIT. */
  readonly resources: ReadonlyMap<string, Members>;
}

export interface Spaces {
  readonly imports: readonly Space[];
  readonly exports: readonly Space[];
  /** The name under which a type was first declared. */
  readonly named: ReadonlyMap<ValueType | Resource, NamedType>;
}

/** Names that a declaration may use without declaring them, so that no type may take them. */
const GLOBALS = [
  'Array',
  'AsyncDisposable',
  'AsyncIterable',
  'Awaitable',
  'Disposable',
  'Imports',
  'Map',
  'Promise',
  'Symbol',
  'World',
  ...['Int8', 'Uint8', 'Int16', 'Uint16', 'Int32', 'Uint32', 'Float32', 'Float64', 'BigInt64', 'BigUint64'].map(
    (kind) => `${kind}Array`,
  ),
];

/** Sorts what a world has by its interfaces, and gives names to interfaces and types. */
export function spacesOf(world: World): Spaces {
  const named = new Map<ValueType | Resource, NamedType>();
  const taken = new Set(GLOBALS);
  const spacesIn = (externs: readonly Extern[], isExport: boolean): readonly Space[] => {
    const interfaces = externs.flatMap(({ name, type }) => {
      if (type.kind !== 'instance') return [];
      return [
        spaceOf({
          owner: name,
          name: unique(pascal(name.split('@', 1)[0] as string), taken),
          isExport,
          externs: type.exports,
          taken: new Set(GLOBALS),
          named,
        }),
      ];
    });
    // The world comes last, because it may use types of interfaces and none of them uses types of the world.
    const own = spaceOf({ owner: '', name: isExport ? 'World' : 'Imports', isExport, externs, taken, named });
    return [...interfaces, own];
  };
  return { imports: spacesIn(world.imports, false), exports: spacesIn(world.exports, true), named };
}

interface Named {
  readonly owner: string;
  readonly name: string;
  readonly isExport: boolean;
  readonly externs: readonly Extern[];
  /** The names of types that are in use; those of this space are added. */
  readonly taken: Set<string>;
  /** The types that have a name; those of this space are added. */
  readonly named: Map<ValueType | Resource, NamedType>;
}

function spaceOf({ owner, name, isExport, externs, taken, named }: Named): Space {
  const types: NamedType[] = [];
  const functions: SpaceFunction[] = [];
  const space: Space = { owner, name, isExport, types, functions, resources: membersOf(externs) };
  for (const { name: wit, type } of externs) {
    if (type.kind === 'func' && !wit.startsWith('[')) functions.push({ name: wit, type });
    if (type.kind !== 'type') continue;
    const known = named.get(type.type);
    // The world's own `use` is a short name for its author. The type keeps the one of its interface.
    if (known !== undefined && owner === '') continue;
    const added = { wit, name: unique(pascal(wit), taken), type: type.type, of: known?.of ?? space };
    types.push(added);
    if (known === undefined) named.set(type.type, added);
  }
  return space;
}

function membersOf(externs: readonly Extern[]): ReadonlyMap<string, Members> {
  const found = new Map<
    string,
    { constructs: FuncType | undefined; methods: SpaceFunction[]; statics: SpaceFunction[] }
  >();
  for (const { name, type } of externs) {
    if (type.kind === 'type' && type.type.kind === 'resource') {
      found.set(name, { constructs: undefined, methods: [], statics: [] });
    }
    const [, kind, resource = '', member = ''] = /^\[(constructor|method|static)\]([^.]+)(?:\.(.+))?$/.exec(name) ?? [];
    const members = found.get(resource);
    if (type.kind !== 'func' || members === undefined) continue;
    if (kind === 'constructor') members.constructs = type;
    else if (kind === 'static') members.statics.push({ name: member, type });
    else members.methods.push({ name: member, type: { ...type, params: type.params.slice(1) } });
  }
  return found;
}

/** `acme:shop/my-carts` as `AcmeShopMyCarts`. */
function pascal(name: string): string {
  const parts = name.split(/[^A-Za-z0-9]+/).filter((part) => part !== '');
  return parts.map((part) => part.charAt(0).toUpperCase() + memberName(part).slice(1)).join('') || 'Type';
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}${number}`;
  taken.add(free);
  return free;
}
