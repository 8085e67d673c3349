import { type WitToken, witTokens } from './wit-tokens.ts';

type Docs = { docs?: string };
type Members = Docs & { funcs: Record<string, Docs>; types: Record<string, Docs & { items: Record<string, string> }> };
type WorldDocs = Docs & {
  /** What the world imports. Exports have tables of their own, since a world may import and export the same name. */
  funcs: Record<string, Docs>;
  interfaces: Record<string, Members>;
  func_exports: Record<string, Docs>;
  interface_exports: Record<string, Members>;
  types: Members['types'];
};

/** The comments of a WIT package, in the form of the section `package-docs`, version 1, of `wasm-tools`. */
export interface PackageDocs {
  package?: string;
  interfaces: Record<string, Members>;
  worlds: Record<string, WorldDocs>;
}

/** Kinds of types whose parts have comments of their own. */
const WITH_ITEMS: ReadonlySet<string> = new Set(['record', 'variant', 'enum', 'flags']);

/**
 * Collects the doc comments of a WIT package. The texts are not checked: what is not WIT gives other comments or none.
 * @param texts the files of the package
 * @returns the package's own comments, then those of each package that the texts hold in braces, which are its dependencies
 */
export function witDocs(texts: readonly string[]): [own: PackageDocs, ...dependencies: PackageDocs[]] {
  const found: [PackageDocs, ...PackageDocs[]] = [noDocs()];
  for (const text of texts) new Scanner(witTokens(text), found).scan();
  return found;
}

function noDocs(): PackageDocs {
  return { interfaces: table(), worlds: table() };
}

/** A table without a prototype, because the texts choose the names. */
function table<T>(): Record<string, T> {
  return Object.create(null) as Record<string, T>;
}

function documented(docs: string | undefined): Docs {
  return docs === undefined ? {} : { docs };
}

class Scanner {
  readonly #tokens: readonly WitToken[];
  readonly #found: [PackageDocs, ...PackageDocs[]];
  #at = 0;

  constructor(tokens: readonly WitToken[], found: [PackageDocs, ...PackageDocs[]]) {
    this.#tokens = tokens;
    this.#found = found;
  }

  scan(): void {
    const [own] = this.#found;
    this.#items((word, docs) => {
      if (word === 'package') this.#package(own);
      else this.#declaration(own, word, docs);
    });
  }

  #declaration({ interfaces, worlds }: PackageDocs, word: string, docs: string | undefined): void {
    if (word === 'interface') interfaces[this.#take()] = this.#members(docs);
    else if (word === 'world') worlds[this.#take()] = this.#world(docs);
    else this.#skip();
  }

  /** Reads the name of the package, or a whole package in braces. */
  #package(own: PackageDocs): void {
    const name: string[] = [];
    while (this.#peek() !== undefined && this.#peek() !== ';' && this.#peek() !== '{') name.push(this.#take());
    if (this.#peek() !== '{') {
      own.package = name.join('');
      return;
    }
    const dependency: PackageDocs = { ...noDocs(), package: name.join('') };
    this.#found.push(dependency);
    this.#at++;
    this.#items((word, docs) => this.#declaration(dependency, word, docs));
  }

  /** Calls `item` for each item up to the closing brace, with its first word and the comment before it. */
  #items(item: (word: string, docs: string | undefined) => void): void {
    while (this.#at < this.#tokens.length && this.#peek() !== '}') {
      const { docs } = this.#tokens[this.#at] as WitToken;
      const before = this.#at;
      while (this.#peek() === '@') this.#gate();
      const word = this.#take();
      if (word !== ';' && word !== ',') item(word, docs);
      if (this.#at === before) this.#at++;
    }
    this.#at++;
  }

  /** Skips a gate, such as `@since(version = 1.0.0)`. */
  #gate(): void {
    this.#at += 2;
    if (this.#peek() !== '(') return;
    while (this.#peek() !== undefined && this.#take() !== ')');
  }

  #members(docs: string | undefined): Members {
    const members: Members = { ...documented(docs), funcs: table(), types: table() };
    if (this.#peek() !== '{') return members;
    this.#at++;
    this.#items((word, comment) => this.#member(members, word, comment));
    return members;
  }

  #member(members: Pick<Members, 'funcs' | 'types'>, word: string, docs: string | undefined): void {
    if (this.#peek() === ':') {
      members.funcs[word] = documented(docs);
      this.#skip();
    } else if (WITH_ITEMS.has(word)) {
      members.types[this.#take()] = { ...documented(docs), items: this.#parts() };
    } else if (word === 'resource') {
      const name = this.#take();
      members.types[name] = { ...documented(docs), items: table() };
      this.#methods(name, members.funcs);
    } else if (word === 'type') {
      members.types[this.#take()] = { ...documented(docs), items: table() };
      this.#skip();
    } else this.#skip();
  }

  #parts(): Record<string, string> {
    const items = table<string>();
    if (this.#peek() !== '{') return items;
    this.#at++;
    this.#items((word, docs) => {
      if (docs !== undefined) items[word] = docs;
      this.#skip(',');
    });
    return items;
  }

  #methods(resource: string, funcs: Members['funcs']): void {
    if (this.#peek() !== '{') {
      this.#skip();
      return;
    }
    this.#at++;
    this.#items((word, docs) => {
      const kind = word === 'constructor' ? word : this.#upToEnd().includes('static') ? 'static' : 'method';
      const name = kind === 'constructor' ? `[constructor]${resource}` : `[${kind}]${resource}.${word}`;
      funcs[name] = documented(docs);
      this.#skip();
    });
  }

  #world(docs: string | undefined): WorldDocs {
    const world: WorldDocs = {
      ...documented(docs),
      funcs: table(),
      interfaces: table(),
      func_exports: table(),
      interface_exports: table(),
      types: table(),
    };
    if (this.#peek() !== '{') return world;
    this.#at++;
    this.#items((word, comment) => {
      if (word === 'export') this.#use(world.func_exports, world.interface_exports, comment);
      else if (word === 'import') this.#use(world.funcs, world.interfaces, comment);
      else this.#member(world, word, comment);
    });
    return world;
  }

  /** An import or export of a world. One that only mentions an interface by its name has no comment that belongs to the interface. */
  #use(funcs: Record<string, Docs>, interfaces: Record<string, Members>, comment: string | undefined): void {
    const name = this.#take();
    const kind = this.#peek() === ':' ? this.#tokens[this.#at + 1]?.text : undefined;
    if (kind === 'interface') {
      this.#at += 2;
      interfaces[name] = this.#members(comment);
      return;
    }
    if (kind === 'async' || kind === 'func') funcs[name] = documented(comment);
    this.#skip();
  }

  #peek(): string | undefined {
    return this.#tokens[this.#at]?.text;
  }

  #take(): string {
    return this.#tokens[this.#at++]?.text ?? '';
  }

  #upToEnd(): readonly string[] {
    // A keyword comes before the parameters, so a few tokens are enough.
    return this.#tokens.slice(this.#at, this.#at + 3).map(({ text }) => text);
  }

  /** Skips to the end of an item: a semicolon, another separator at this depth, a block, or the brace that closes the outer one. */
  #skip(separator = ';'): void {
    let depth = 0;
    for (; this.#at < this.#tokens.length; this.#at++) {
      const text = this.#peek() as string;
      if (depth === 0 && text === '}') return;
      if ('{(<['.includes(text)) depth++;
      else if ('})>]'.includes(text)) depth--;
      if (depth === 0 && (text === separator || text === '}')) {
        this.#at++;
        return;
      }
    }
  }
}
