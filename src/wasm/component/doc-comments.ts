import { parseForeignJson } from '#core/text';
import { ByteWriter } from '../byte-writer.ts';
import { witDocs } from '../wit/wit-docs.ts';
import type { Component } from './ast.ts';

/** The custom section in which `wasm-tools` keeps the comments of a WIT package: a version byte, then JSON. */
const SECTION = 'package-docs';
/**
 * The custom section that our builds write, in the same form. Older versions of `wasm-tools` refuse to read a component whose
 * `package-docs` name interfaces of a package, and ignore a section with a name of our own.
 */
const OWN_SECTION = 'vivarium:package-docs';
const VERSIONS: readonly (number | undefined)[] = [0, 1];
/** The documentation of all of WASI 0.2 stays below these bounds. A section beyond them is ignored. */
const BOUNDS = { maxLength: 2 ** 20, maxDepth: 16, maxItems: 100_000 };
/** The longest comment that is kept, in UTF-16 units. Every reader of an artifact pays for it. */
const MOST_OF_ONE = 4_096;
/** The most comments that are kept of one component, in UTF-16 units. */
const MOST_OF_ALL = 256 * 1_024;

/** The comments of a type, and of its fields, cases or labels by their names. */
export interface TypeComments {
  readonly docs?: string | undefined;
  readonly items: ReadonlyMap<string, string>;
}

/**
 * The doc comments that a component carries from its WIT. They are text for people and models, so an unreadable section counts as
 * none. An interface is named as an export names it, such as `ns:pkg/iface@1.0.0`; undefined stands for the world.
 */
export class DocComments {
  readonly #interfaces = new Map<string, string>();
  readonly #functions = new Map<string, string>();
  readonly #types = new Map<string, TypeComments>();
  #room = MOST_OF_ALL;

  private constructor(packages: readonly unknown[]) {
    for (const each of packages) this.#addPackage(each);
  }

  /** Reads the comments that a component carries. */
  static of({ customs }: Pick<Component, 'customs'>): DocComments {
    const sections = customs.filter(
      ({ name, bytes }) => (name === SECTION || name === OWN_SECTION) && VERSIONS.includes(bytes[0]),
    );
    return new DocComments(sections.map(({ bytes }) => parsed(bytes.subarray(1))));
  }

  /** Reads the comments of a WIT package and of the packages in its texts. @param texts its files */
  static ofWit(texts: readonly string[]): DocComments {
    return new DocComments(witDocs(texts));
  }

  ofInterface(owner: string): string | undefined {
    return this.#find(this.#interfaces, owner, '');
  }

  ofFunction(owner: string | undefined, member: string): string | undefined {
    return this.#find(this.#functions, owner, member);
  }

  ofType(owner: string | undefined, name: string): TypeComments | undefined {
    return this.#find(this.#types, owner, name);
  }

  /** Sections of older tools do not name their package, so that only the last part of an interface's name can be compared. */
  #find<T>(map: ReadonlyMap<string, T>, owner: string | undefined, member: string): T | undefined {
    if (owner === undefined) return map.get(`#${member}`);
    const [base = ''] = owner.split('@', 1);
    const label = base.slice(Math.max(base.lastIndexOf('/'), 0));
    return map.get(`${owner}#${member}`) ?? map.get(`${label}#${member}`);
  }

  #addPackage(value: unknown): void {
    const { package: named, interfaces, worlds } = fieldsOf(value);
    const [, base, version = ''] = /^([^@]{1,256})(@.{1,128})?$/.exec(typeof named === 'string' ? named : '') ?? [];
    for (const [label, each] of Object.entries(fieldsOf(interfaces))) {
      this.#addMembers(base === undefined ? `/${label}` : `${base}/${label}${version}`, fieldsOf(each));
    }
    for (const world of Object.values(fieldsOf(worlds))) {
      const { func_exports, interface_exports, interfaces: either, funcs, types } = fieldsOf(world);
      // Where a world imports and exports the same name, the exports have a map of their own.
      this.#addMembers('', { funcs: { ...fieldsOf(funcs), ...fieldsOf(func_exports) }, types });
      for (const [name, each] of Object.entries({ ...fieldsOf(either), ...fieldsOf(interface_exports) })) {
        this.#addMembers(name, fieldsOf(each));
      }
    }
  }

  #addMembers(owner: string, { docs: own, funcs, types }: Readonly<Record<string, unknown>>): void {
    const described = this.#kept(own);
    if (described !== undefined) this.#interfaces.set(`${owner}#`, described);
    for (const [name, each] of Object.entries(fieldsOf(funcs))) {
      // Version 0 has the text itself, version 1 an object.
      const docs = this.#kept(typeof each === 'string' ? each : fieldsOf(each).docs);
      if (docs !== undefined) this.#functions.set(`${owner}#${name}`, docs);
    }
    for (const [name, each] of Object.entries(fieldsOf(types))) {
      const { docs, items } = fieldsOf(each);
      const kept = Object.entries(fieldsOf(items)).flatMap(([item, text]) => {
        const comment = this.#kept(text);
        return comment === undefined ? [] : [[item, comment] as const];
      });
      this.#types.set(`${owner}#${name}`, { docs: this.#kept(docs), items: new Map(kept) });
    }
  }

  #kept(text: unknown): string | undefined {
    if (typeof text !== 'string' || text === '' || this.#room === 0) return undefined;
    const kept = text.slice(0, Math.min(MOST_OF_ONE, this.#room)).toWellFormed();
    this.#room -= kept.length;
    return kept;
  }
}

/** Makes the custom section that carries the comments of a WIT package, for the end of a component. @param texts the package's files */
export function docCommentsSection(texts: readonly string[]): Uint8Array {
  const contents = new ByteWriter()
    .name(OWN_SECTION)
    .u8(1)
    .raw(new TextEncoder().encode(JSON.stringify(witDocs(texts)[0])));
  return new ByteWriter().u8(0).u32(contents.length).raw(contents.view()).finish();
}

function parsed(json: Uint8Array): unknown {
  try {
    return parseForeignJson(json, BOUNDS);
  } catch {
    return undefined;
  }
}

/** The own fields of an object; none for any other value. `JSON.parse` makes `__proto__` a field like any other. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
