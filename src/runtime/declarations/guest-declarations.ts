import { interfaceName, memberName } from '#runtime/names';
import type { DocComments, World } from '#wasm';
import { OF_GUEST } from './dialect.ts';
import { block, documented } from './lines.ts';
import { type Answer, isReserved, signatureOf } from './signatures.ts';
import { type Members, type NamedType, type Space, type SpaceFunction, type Spaces, spacesOf } from './spaces.ts';
import { declaredStructure } from './structures.ts';
import { quoted, TypeTexts } from './type-texts.ts';
import { WitDocs } from './wit-docs.ts';

/** The module that declares what a source exports. It exists for types alone. */
const EXPORTS = 'vivarium/world';
const atOnce: Answer = (type) => type;
const perhapsLater: Answer = (type) => `${type} | Promise<${type}>`;
/** Modules that the types of `vivarium/guest` declare already. */
const DECLARED = /^vivarium:actor\//;

/**
 * Writes the declarations for a component's source: a module for each interface that it imports, the functions that its world
 * imports, which are globals, and in `vivarium/world` the interface `World` of what it exports.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` if the types are too large to be written out
 */
export function guestDeclarations(world: World, comments: DocComments): string {
  return new GuestFile(spacesOf(world), new WitDocs(comments)).text();
}

class GuestFile {
  readonly #spaces: Spaces;
  readonly #docs: WitDocs;
  readonly #texts: TypeTexts;

  constructor(spaces: Spaces, docs: WitDocs) {
    this.#spaces = spaces;
    this.#docs = docs;
    this.#texts = new TypeTexts(OF_GUEST, (type) => {
      const named = spaces.named.get(type);
      return named === undefined ? undefined : nameOf(named);
    });
  }

  text(): string {
    const { imports, exports } = this.#spaces;
    const modules = imports.map((space) => (space.owner === '' ? this.#globals(space) : this.#module(space)));
    const offered = exports.map((space) => this.#offered(space)).filter((part) => part !== '');
    return `${[HEAD, ...modules.filter((part) => part !== ''), block(`declare module ${quoted(EXPORTS)}`, [offered.join('\n\n')])].join('\n\n')}\n`;
  }

  #module(space: Space): string {
    if (DECLARED.test(space.owner)) return '';
    const { owner, functions } = space;
    const members = [
      ...space.types.map((type) => this.#type(space, type)),
      ...functions.map((each) => this.#function(owner, each, 'export function')),
    ];
    return documented(this.#docs.ofInterface(owner), block(`declare module ${quoted(owner)}`, members));
  }

  /** A world imports functions without an interface as globals. Its types are those of `vivarium/world`. */
  #globals({ functions }: Space): string {
    return functions.map((each) => this.#function('', each, 'declare function')).join('\n\n');
  }

  #function(owner: string, { name, type }: SpaceFunction, head: string): string {
    const { params, result, notes } = signatureOf(type, this.#texts, atOnce, 'thrown');
    const property = memberName(name);
    const doc = this.#docs.of(owner, name);
    if (!isReserved(property)) return documented(doc, `${head} ${property}${params}: ${result};`, notes);
    if (owner === '')
      return `// ${property} is a word of the language, so it is reached by globalThis.${property} alone.`;
    return `${documented(doc, `function ${property}_${params}: ${result};`, notes)}\nexport { ${property}_ as ${property} };`;
  }

  #type(space: Space, named: NamedType): string {
    const { wit, name, type, of } = named;
    const doc = this.#docs.of(of.owner, wit);
    const first = this.#spaces.named.get(type) as NamedType;
    if (first !== named) return `export type ${name} = ${nameOf(first)};`;
    if (type.kind === 'resource') return documented(doc, this.#class(space, named));
    return declaredStructure(named, type, this.#docs, this.#texts);
  }

  /** A resource that is imported is a class; of one that the source exports, instances have this interface. */
  #class({ owner, isExport, resources }: Space, { wit, name }: NamedType): string {
    const { constructs, methods, statics } = resources.get(wit) as Members;
    if (isExport)
      return block(
        `export interface ${name}`,
        methods.map((each) => this.#member(owner, wit, each, perhapsLater)),
      );
    const members: string[] = [];
    if (constructs === undefined) members.push('private constructor();');
    else {
      const { params, notes } = signatureOf(constructs, this.#texts, atOnce, 'thrown');
      members.push(documented(this.#docs.of(owner, wit, 'constructor'), `constructor${params};`, notes));
    }
    members.push(...statics.map((each) => this.#member(owner, wit, each, atOnce, 'static ')));
    members.push(...methods.map((each) => this.#member(owner, wit, each, atOnce)));
    members.push('[Symbol.dispose](): void;');
    return block(`export class ${name}`, members);
  }

  #member(owner: string, resource: string, { name, type }: SpaceFunction, answer: Answer, head = ''): string {
    const { params, result, notes } = signatureOf(type, this.#texts, answer, 'thrown');
    return documented(this.#docs.of(owner, resource, name), `${head}${memberName(name)}${params}: ${result};`, notes);
  }

  /** What a source exports for an interface, or for its world, and the types of it. */
  #offered(space: Space): string {
    const { owner, name, functions, resources, types } = space;
    const members = functions.map((each) => {
      const { params, result, notes } = signatureOf(each.type, this.#texts, perhapsLater, 'thrown');
      return documented(this.#docs.of(owner, each.name), `${memberName(each.name)}${params}: ${result};`, notes);
    });
    for (const [resource, found] of resources) {
      const type = types.find(({ wit }) => wit === resource) as NamedType;
      const { params } = signatureOf(found.constructs ?? NOTHING, this.#texts, atOnce, 'thrown');
      const calls = [`new ${found.constructs === undefined ? '(...given: never)' : params}: ${nameOf(type)};`];
      calls.push(...found.statics.map((each) => this.#member(owner, resource, each, perhapsLater)));
      members.push(`readonly ${type.name}: ${block('', calls).trimStart()};`);
    }
    if (owner === '') {
      for (const each of this.#spaces.exports)
        if (each.owner !== '') members.push(`readonly ${interfaceName(each.owner).short}: ${each.name};`);
    }
    const doc = owner === '' ? 'What the source exports: `export const … : World[…]`.' : this.#docs.ofInterface(owner);
    const declared = [
      ...types.map((type) => this.#type(space, type)),
      // The world's own types are those of what it imports too.
      ...(owner === ''
        ? this.#spaces.imports
            .filter((each) => each.owner === '')
            .flatMap((each) => each.types.map((type) => this.#type(each, type)))
        : []),
    ];
    const spaces =
      declared.length === 0 || owner === '' ? declared : [block(`export namespace ${name}`, [declared.join('\n\n')])];
    return [documented(doc, block(`export interface ${name}`, members)), ...spaces].join('\n\n');
  }
}

const NOTHING = { kind: 'func', async: false, params: [], result: undefined } as const;

const HEAD = `// Made by \`viv types --guest\`. Make it anew when the WIT changes.`;

/** The name of a type from any module. */
function nameOf({ of, name }: NamedType): string {
  if (of.owner === '') return `import('${EXPORTS}').${name}`;
  return of.isExport ? `import('${EXPORTS}').${of.name}.${name}` : `import(${quoted(of.owner)}).${name}`;
}
