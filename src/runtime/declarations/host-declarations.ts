import { interfaceName, isTaken, memberName } from '#runtime/names';
import type { DocComments, World } from '#wasm';
import { OF_HOST } from './dialect.ts';
import { block, documented } from './lines.ts';
import { type Answer, type Signature, signatureOf } from './signatures.ts';
import { type Members, type NamedType, type Space, type SpaceFunction, type Spaces, spacesOf } from './spaces.ts';
import { declaredStructure } from './structures.ts';
import { quoted, TypeTexts } from './type-texts.ts';
import { WitDocs } from './wit-docs.ts';

/** Interfaces that the runtime gives. An embedder need not know their functions. */
const GIVEN = /^(?:wasi|vivarium):/;
const later: Answer = (type) => `Promise<${type}>`;
const perhapsLater: Answer = (type) => `Awaitable<${type}>`;

/**
 * Writes the declarations for an embedder: `World`, for `runtime.bind<World>(handle)`, and `Imports`, for what the embedder gives in
 * `load`, with the types of both.
 * @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` if the types are too large to be written out
 */
export function hostDeclarations(world: World, comments: DocComments): string {
  return new HostFile(spacesOf(world), new WitDocs(comments)).text();
}

class HostFile {
  readonly #spaces: Spaces;
  readonly #docs: WitDocs;
  readonly #texts: TypeTexts;
  /** Spaces whose types are written because others use them. */
  readonly #used = new Set<Space>();

  constructor(spaces: Spaces, docs: WitDocs) {
    this.#spaces = spaces;
    this.#docs = docs;
    this.#texts = new TypeTexts(OF_HOST, (type) => {
      const named = spaces.named.get(type);
      if (named === undefined) return undefined;
      this.#used.add(named.of);
      return nameOf(named);
    });
  }

  text(): string {
    const { imports, exports } = this.#spaces;
    const parts = [...exports.map((space) => this.#space(space))];
    const wanted = imports.filter(({ owner }) => !GIVEN.test(owner));
    const needed = this.#importsOf(wanted);
    if (needed !== undefined)
      parts.push(...wanted.filter(({ owner }) => owner !== '').map((space) => this.#space(space)), needed);
    const done = new Set([...exports, ...(needed === undefined ? [] : wanted)]);
    // Types of the remaining spaces are written as they turn out to be used, by each other too.
    for (const space of this.#used) if (!done.has(space)) parts.push(this.#types(space));
    return `${[HEAD, ...parts.filter((part) => part !== '')].join('\n\n')}\n`;
  }

  #space(space: Space): string {
    const { name, owner, isExport } = space;
    const types = this.#types(space);
    const members = isExport ? this.#exported(space) : this.#given(space);
    if (members.length === 0 && owner !== '') return documented(this.#docs.ofInterface(owner), types);
    const doc =
      owner === '' ? 'What the component exports, for `runtime.bind<World>(handle)`.' : this.#docs.ofInterface(owner);
    return [documented(doc, block(`export interface ${name}`, members)), types]
      .filter((part) => part !== '')
      .join('\n\n');
  }

  /** What the component exports: functions, constructors of resources with their static functions, and interfaces of the world. */
  #exported(space: Space): string[] {
    const { owner, functions, resources } = space;
    const members = functions
      .filter(({ name }) => !isTaken(memberName(name)))
      .map((each) => this.#method(owner, each, later, ''));
    for (const [resource, found] of resources) {
      const calls = this.#statics(owner, resource, found);
      if (calls.length > 0)
        members.push(
          documented(
            this.#docs.of(owner, resource),
            `readonly ${memberName(resource)}: ${block('', calls).trimStart()};`,
          ),
        );
    }
    if (owner !== '') return members;
    const short = new Map<string, number>();
    const taken = new Set(functions.map(({ name }) => memberName(name)));
    const interfaces = this.#spaces.exports.filter((each) => each.owner !== '');
    for (const each of interfaces)
      short.set(interfaceName(each.owner).short, (short.get(interfaceName(each.owner).short) ?? 0) + 1);
    for (const each of interfaces) {
      const key = interfaceName(each.owner).short;
      if (short.get(key) === 1 && !taken.has(key) && !isTaken(key)) members.push(`readonly ${key}: ${each.name};`);
      if (each.owner !== key) members.push(`readonly ${quoted(each.owner)}: ${each.name};`);
    }
    return members;
  }

  #statics(owner: string, resource: string, { constructs, statics }: Members): string[] {
    const calls: string[] = [];
    if (constructs !== undefined) {
      const { params, result, notes } = signatureOf(constructs, this.#texts, later, 'payload');
      calls.push(documented(this.#docs.of(owner, resource, 'constructor'), `${params}: ${result};`, notes));
    }
    const kept = statics.filter(({ name }) => !isTaken(memberName(name)));
    calls.push(...kept.map((each) => this.#method(owner, each, later, resource)));
    return calls;
  }

  /** What an embedder gives for an import: functions, and classes for resources. */
  #given({ owner, functions, resources, types }: Space): string[] {
    const members = functions.map((each) => this.#method(owner, each, perhapsLater, ''));
    for (const [resource, { constructs, statics }] of resources) {
      const type = types.find(({ wit }) => wit === resource) as NamedType;
      const calls: string[] = [`readonly prototype: ${nameOf(type)};`];
      if (constructs !== undefined) {
        const { params } = signatureOf(constructs, this.#texts, later, 'payload');
        calls.push(documented(this.#docs.of(owner, resource, 'constructor'), `new ${params}: ${nameOf(type)};`));
      }
      calls.push(...statics.map((each) => this.#method(owner, each, perhapsLater, resource)));
      members.push(
        documented(this.#docs.of(owner, resource), `readonly ${type.name}: ${block('', calls).trimStart()};`),
      );
    }
    return members;
  }

  #importsOf(wanted: readonly Space[]): string | undefined {
    const members = wanted.flatMap((space) =>
      space.owner === ''
        ? space.functions.map((each) => this.#method('', each, perhapsLater, '', quoted(each.name)))
        : space.functions.length === 0 && space.resources.size === 0
          ? []
          : [`readonly ${quoted(space.owner)}: ${space.name};`],
    );
    if (members.length === 0) return undefined;
    const doc = 'What the embedder gives: `runtime.load(source, { imports: { … } satisfies Imports })`.';
    return documented(doc, `${block('export type Imports =', members)};`);
  }

  /** The types that a space defines, and those that it uses from others, under the names that it has for them. */
  #types(space: Space): string {
    const declared = space.types.map((type) => this.#type(space, type));
    if (declared.length === 0) return '';
    // The world's types stand on the top level of the file, because nothing else has their names.
    return space.owner === ''
      ? declared.join('\n\n')
      : block(`export namespace ${space.name}`, [declared.join('\n\n')]);
  }

  #type(space: Space, named: NamedType): string {
    const { wit, name, type, of } = named;
    const doc = this.#docs.of(of.owner, wit);
    if (of !== space) {
      this.#used.add(of);
      return documented(undefined, `export type ${name} = ${nameOf(this.#spaces.named.get(type) as NamedType)};`);
    }
    if (type.kind === 'resource') return documented(doc, this.#resource(space, named));
    if (this.#spaces.named.get(type) !== named)
      return documented(doc, `export type ${name} = ${nameOf(this.#spaces.named.get(type) as NamedType)};`);
    return declaredStructure(named, type, this.#docs, this.#texts);
  }

  #resource({ owner, isExport, resources }: Space, { wit, name }: NamedType): string {
    const { methods } = resources.get(wit) as Members;
    const kept = methods.filter((each) => !isExport || !isTaken(memberName(each.name)));
    const members = kept.map((each) => this.#method(owner, each, isExport ? later : perhapsLater, wit));
    if (isExport) {
      members.push(
        documented('Drops it in the next turn of the component.', '[Symbol.dispose](): void;'),
        documented('Drops it in a turn of its own, which is waited for.', '[Symbol.asyncDispose](): Promise<void>;'),
        `readonly [resource]?: ${quoted(owner === '' ? wit : `${owner}#${wit}`)};`,
      );
    }
    return block(`export interface ${name}`, members);
  }

  #method(
    owner: string,
    { name, type }: SpaceFunction,
    answer: Answer,
    resource: string,
    property = memberName(name),
  ): string {
    const signature: Signature = signatureOf(type, this.#texts, answer, answer === later ? 'payload' : 'thrown');
    const doc = resource === '' ? this.#docs.of(owner, name) : this.#docs.of(owner, resource, name);
    return documented(doc, `${property}${signature.params}: ${signature.result};`, signature.notes);
  }
}

const HEAD = `// Made by \`viv types\`. Make it anew when the WIT changes.
export {};

type Awaitable<T> = T | Promise<T>;

/** Tells resources of different types apart. */
declare const resource: unique symbol;`;

/** The name of a type from anywhere in the file. */
function nameOf({ of, name }: NamedType): string {
  return of.owner === '' ? name : `${of.name}.${name}`;
}
