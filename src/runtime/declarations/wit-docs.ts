/** The largest WIT text that is read, in characters. The compiler of WIT takes no larger one. */
const MAX_LENGTH = 2 ** 20;
/** Comments, the brackets and separators of declarations, and words, which include `ns:pkg/name@1.0.0`. Each alternative is one character or a run without choice. */
const TOKEN = /\/\/[^\n]*|\/\*|->|[{}();,<>=:]|[^\s{}();,<>=:/]+|\//g;
const BLOCKS = new Set(['interface', 'world', 'record', 'variant', 'enum', 'flags', 'resource']);

/** The doc comments of a WIT text, by what they describe. */
export interface WitDocs {
  /**
   * Returns the comment of an item, as lines; undefined if there is none.
   * @param owner the interface's name as a component has it, as `acme:shop/carts@1.2.0`, or empty for what a world has
   * @param item an interface's function or type, in WIT's spelling; undefined for the interface itself
   * @param member a field, a case, or a function of a resource, which may be `constructor`
   */
  of(owner: string, item?: string, member?: string): string | undefined;
}

/** No comments at all: a component holds none. */
export const NO_DOCS: WitDocs = { of: () => undefined };

/** The comment of a whole interface, with its name in WIT. */
export function interfaceDoc(docs: WitDocs, owner: string): string {
  const doc = docs.of(owner);
  return doc === undefined ? owner : `${owner}\n\n${doc}`;
}

/** Sentences about the cases of an enum or a variant, and about flags, whose declaration has no place for them. */
export function caseDocs(docs: WitDocs, owner: string, wit: string, cases: readonly string[]): string[] {
  return cases.flatMap((name) => {
    const doc = docs.of(owner, wit, name);
    return doc === undefined ? [] : [`- \`${name}\`: ${doc.replaceAll('\n', ' ')}`];
  });
}

interface Scope {
  readonly kind: string;
  readonly name: string;
}

/**
 * Reads the doc comments of WIT text that a compiler has accepted. Only their places are found here; what the text declares is the
 * compiler's to say. A comment that is found at a wrong place would be a wrong comment and nothing else.
 */
export function readWitDocs(text: string): WitDocs {
  const docs = new Map<string, string>();
  if (text.length > MAX_LENGTH) return NO_DOCS;
  const scopes: Scope[] = [];
  let root = '';
  let doc: string[] = [];
  let words: string[] = [];
  let nesting = 0;
  const keep = (name: string, kind: string): void => {
    if (doc.length > 0) {
      const [owner, item, member] = placeOf(scopes, root, { kind, name });
      const key = keyOf(owner, item, member);
      if (!docs.has(key)) docs.set(key, doc.join('\n').trim());
    }
    doc = [];
  };
  const tokens = tokensOf(text);
  for (const token of tokens) {
    if (token.doc !== undefined) {
      if (words.length === 0) doc.push(token.doc);
      continue;
    }
    const word = token.text;
    if (nesting > 0 || word === '(' || word === '<') {
      if (word === '(' || word === '<') nesting += 1;
      if (word === ')' || word === '>') nesting -= 1;
      if (words.length > 0 && words[0] !== '@' && nesting === 1 && word === '(') words.push(word);
      continue;
    }
    if (word === '{') {
      const { kind, name } = opened(words);
      if (kind === 'use') {
        // The names in braces are a part of the statement.
        words.push('{');
        continue;
      }
      keep(name, kind);
      scopes.push({ kind, name });
      words = [];
    } else if (word === '}') {
      // The braces of `use` are followed by a semicolon; those of `include` end it.
      if (words[0] === 'use') continue;
      if (words[0] === 'include') {
        words = [];
        doc = [];
        continue;
      }
      if (words.length > 0) keep(...stated(words));
      words = [];
      doc = [];
      scopes.pop();
    } else if (word === ';' || (word === ',' && isBody(scopes.at(-1)))) {
      if (words[0] === 'package') {
        root = words.slice(1).join('');
        doc = [];
      } else if (words[0] !== 'use' && words[0] !== 'include' && words.length > 0) keep(...stated(words));
      words = [];
      doc = [];
    } else if (word.startsWith('@') && words.length === 0) {
      // An attribute, as @since(version = 0.2.0): its parentheses are skipped like all others.
    } else words.push(word);
  }
  return { of: (owner, item, member) => docs.get(keyOf(owner, item, member)) };
}

/** Whether a block separates its parts by commas. */
function isBody(scope: Scope | undefined): boolean {
  return scope !== undefined && ['record', 'variant', 'enum', 'flags'].includes(scope.kind);
}

/** What the words before a brace open: `interface carts`, `export inline: interface`, `package acme:shop@1.0.0`. */
function opened(words: readonly string[]): { readonly kind: string; readonly name: string } {
  const [first = '', second = ''] = words;
  if (first === 'use' || first === 'include') return { kind: 'use', name: '' };
  if (first === 'package') return { kind: 'package', name: words.slice(1).join('') };
  if (first === 'import' || first === 'export') return { kind: 'interface', name: plain(second) };
  return { kind: BLOCKS.has(first) ? first : '', name: plain(second) };
}

/** What a statement declares: `price: func(…)`, `type id = u32`, `export run: func(…)`, `circle(f64)`, `constructor(…)`. */
function stated(words: readonly string[]): [name: string, kind: string] {
  const [first = '', second = ''] = words;
  const isWord = second !== '' && second !== ':' && second !== '(' && second !== '=';
  if (isWord && (first === 'import' || first === 'export'))
    return [plain(second), words[2] === ':' ? 'item' : 'mention'];
  if (isWord && (first === 'type' || first === 'resource')) return [plain(second), 'item'];
  return [plain(first), 'item'];
}

function plain(name: string): string {
  return name.startsWith('%') ? name.slice(1) : name;
}

/** The place of a declaration in the scopes around it. What a world has belongs to no interface. */
function placeOf(
  scopes: readonly Scope[],
  root: string,
  { kind, name }: Scope,
): [owner: string, item?: string, member?: string] {
  const packageName = scopes.find((scope) => scope.kind === 'package')?.name ?? root;
  const inner = scopes.filter((scope) => scope.kind !== 'package');
  const at = packageName.indexOf('@');
  const [base, version] = at === -1 ? [packageName, ''] : [packageName.slice(0, at), packageName.slice(at)];
  const isInWorld = inner[0]?.kind === 'world';
  const path = [...inner, { kind, name }].slice(isInWorld ? 1 : 0);
  if (kind === 'world' || kind === 'mention' || kind === 'package') return [`world ${name}`];
  const [first] = path as [Scope, ...Scope[]];
  if (first.kind !== 'interface') return ['', ...path.map((each) => each.name)] as [string, string?, string?];
  const owner = isInWorld ? first.name : `${base}/${first.name}${version}`;
  return [owner, ...path.slice(1).map((each) => each.name)] as [string, string?, string?];
}

function keyOf(owner: string, item = '', member = ''): string {
  return `${owner}\n${item}\n${member}`;
}

interface Token {
  readonly text: string;
  readonly doc?: string;
}

function* tokensOf(text: string): Generator<Token> {
  for (let next = 0; ; ) {
    TOKEN.lastIndex = next;
    const found = TOKEN.exec(text);
    if (found === null) return;
    const [token] = found;
    next = TOKEN.lastIndex;
    if (token.startsWith('///')) yield { text: '', doc: token.slice(3).replace(/^ /, '').trimEnd() };
    else if (token === '/*') {
      const end = endOfComment(text, found.index);
      next = end;
      if (text.startsWith('/**', found.index)) yield { text: '', doc: blockText(text.slice(found.index + 3, end - 2)) };
    } else if (!token.startsWith('//')) yield { text: token };
  }
}

/** Block comments of WIT nest. */
function endOfComment(text: string, start: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = start;
  let depth = 0;
  for (let found = marks.exec(text); found !== null; found = marks.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return marks.lastIndex;
  }
  return text.length;
}

function blockText(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^\s{0,200}\* ?/, '').trim())
    .join('\n')
    .trim();
}
