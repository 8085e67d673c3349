/** Why a name is refused: the half of a sentence that follows the name. */
type Refusal = string | undefined;

/**
 * Characters without a meaning in a JavaScript string, template or comment. Core names of real components use letters,
 * digits and `$ . - _ : / @ # [ ] | + =`; the rest is allowed for other compilers.
 */
const CORE_NAME = /^[A-Za-z0-9$._:/@#|[\]+=,!?%^~<> -]*$/;
const VERSION = /^[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
const DEPENDENCY_NAME = /^(?:url|relative-url|integrity|locked-dep|unlocked-dep)=/;

/** Properties that change what an object or a promise is when a guest may define them. */
const POISON = new Set(['__proto__', 'constructor', 'prototype', 'then']);
/** Properties that every host object inherits. An import that the host lacks would be found among them. */
const INHERITED_BY_OBJECTS = new Set([...POISON, ...Object.getOwnPropertyNames(Object.prototype)]);
/** Properties that every class inherits: `Class.constructor(text)` is `Function(text)`. */
const INHERITED_BY_CLASSES = new Set([
  ...INHERITED_BY_OBJECTS,
  ...Object.getOwnPropertyNames(Function.prototype),
  'arguments',
  'caller',
]);

/** Checks a core module's import module, import field or export name, or a name in a core instance. */
export function refuseCoreName(name: string): Refusal {
  if (!CORE_NAME.test(name)) return 'holds characters that could leave a JavaScript string';
  if (POISON.has(name)) return 'has a meaning of its own as a property of a JavaScript object';
  return undefined;
}

/**
 * Checks a record's field, a label of a variant, enum or flags, or a parameter. These only become keys and values of
 * data.
 */
export function refuseLabel(name: string): Refusal {
  return isLabel(name) ? undefined : 'is not a kebab-case label of ASCII letters, digits and hyphens';
}

/**
 * A `member` is a function of an exported interface. It becomes an object's own property, which cannot be mistaken for
 * anything else.
 */
export type Direction = 'import' | 'export' | 'member';

/**
 * Checks the name of an import or export of a component, an instance or a type. `sort` says what it names, if that is
 * known.
 */
export function refuseExternName(name: string, direction: Direction, sort?: string): Refusal {
  if (isInterfaceName(name)) {
    // The generator panics at a function that has the name of an interface, and is unusable afterwards.
    return sort === 'func' || sort === 'type' ? `is an interface's name and stands for a ${sort}` : undefined;
  }
  if (sort === 'type') return refuseTypeName(name, direction);
  if (DEPENDENCY_NAME.test(name)) {
    return 'imports a component by address or dependency, which Vivarium does not resolve; link the component in before';
  }
  const plain = parsePlainName(name);
  if (plain === undefined) return 'is neither a kebab-case name nor an interface name like ns:package/interface@1.0.0';
  const forbidden = direction === 'import' ? INHERITED_BY_OBJECTS : POISON;
  const statics = direction === 'import' ? INHERITED_BY_CLASSES : POISON;
  const { func, ofConstructor, isStatic, resource, member } = plain;
  const bad =
    (func !== undefined && direction !== 'member' && forbidden.has(camelCase(func))) ||
    (ofConstructor !== undefined && forbidden.has(pascalCase(ofConstructor))) ||
    (resource !== undefined && forbidden.has(pascalCase(resource))) ||
    (member !== undefined && (isStatic ? statics : POISON).has(camelCase(member)));
  return bad ? 'has a meaning of its own as a property of a JavaScript object or class' : undefined;
}

/**
 * Checks the name of a type. It becomes a property only when the type is a resource, whose class has the name in
 * PascalCase.
 */
function refuseTypeName(name: string, direction: Direction): Refusal {
  if (!isLabel(name)) return 'names a type and is not a kebab-case label of ASCII letters, digits and hyphens';
  const classes = direction === 'import' ? INHERITED_BY_OBJECTS : POISON;
  return classes.has(pascalCase(name)) ? 'has a meaning of its own as a property of a JavaScript object' : undefined;
}

/** The parts of the name of one function or resource. Every part is a label. */
interface PlainName {
  readonly func?: string;
  readonly ofConstructor?: string;
  readonly resource?: string;
  readonly member?: string;
  readonly isStatic?: boolean;
}

function parsePlainName(name: string): PlainName | undefined {
  const end = name.startsWith('[') ? name.indexOf(']') : -1;
  const rest = name.slice(end + 1);
  switch (name.slice(0, end + 1)) {
    case '':
    case '[async]':
      return isLabel(rest) ? { func: rest } : undefined;
    case '[constructor]':
      return isLabel(rest) ? { ofConstructor: rest } : undefined;
    case '[method]':
    case '[async method]':
      return parseMember(rest, false);
    case '[static]':
    case '[async static]':
      return parseMember(rest, true);
    default:
      return undefined;
  }
}

function parseMember(text: string, isStatic: boolean): PlainName | undefined {
  const dot = text.indexOf('.');
  const resource = text.slice(0, Math.max(dot, 0));
  const member = text.slice(dot + 1);
  return isLabel(resource) && isLabel(member) ? { resource, member, isStatic } : undefined;
}

/** Whether a name has the form `ns:package/interface@1.0.0`, with any number of namespaces and nested packages. */
function isInterfaceName(name: string): boolean {
  const at = name.indexOf('@');
  if (at >= 0 && !VERSION.test(name.slice(at + 1))) return false;
  const [pack = '', ...path] = (at < 0 ? name : name.slice(0, at)).split('/');
  const names = pack.split(':');
  return names.length > 1 && path.length > 0 && names.every(isLabel) && path.every(isLabel);
}

const DIGIT = 1;
const LOWER = 2;
const UPPER = 4;

/**
 * Whether a text is a row of words joined by hyphens, each of digits and letters of one case, the first beginning with
 * a letter. This is a scan, not a pattern: a word of digits fits both cases, and a pattern with the two cases as
 * alternatives would try every assignment of a long row of such words before it fails.
 */
export function isLabel(text: string): boolean {
  let word = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2d) {
      if (word === 0) return false;
      word = 0;
      continue;
    }
    const kind = kindOf(code);
    if (kind === 0 || (at === 0 && kind === DIGIT)) return false;
    word |= kind;
    if ((word & (LOWER | UPPER)) === (LOWER | UPPER)) return false;
  }
  return word !== 0;
}

function kindOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return DIGIT;
  if (code >= 0x61 && code <= 0x7a) return LOWER;
  return code >= 0x41 && code <= 0x5a ? UPPER : 0;
}

function camelCase(label: string): string {
  return label.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function pascalCase(label: string): string {
  const name = camelCase(label);
  return name.charAt(0).toUpperCase() + name.slice(1);
}
