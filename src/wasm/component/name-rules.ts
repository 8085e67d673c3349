/** Why a name is refused: half a sentence that follows the name. */
type Refusal = string | undefined;

/**
 * Characters that mean nothing in a JavaScript string, template or comment. Core names of real components use letters,
 * digits and `$ . - _ : / @ # [ ] | + =`; the rest is room for other compilers.
 */
const CORE_NAME = /^[A-Za-z0-9$._:/@#|[\]+=,!?%^~<> -]*$/;
const LABEL = '(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*';
const LABEL_NAME = new RegExp(`^${LABEL}$`);
const PLAIN_NAME = new RegExp(
  `^(?:(?:\\[async\\])?(${LABEL})|\\[constructor\\](${LABEL})|\\[(async )?(method|static)\\](${LABEL})\\.(${LABEL}))$`,
);
const VERSION = '(?:@[0-9]+(?:\\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?)?';
const INTERFACE_NAME = new RegExp(`^${LABEL}(?::${LABEL})+(?:/${LABEL})+${VERSION}$`);
const DEPENDENCY_NAME = /^(?:url|relative-url|integrity|locked-dep|unlocked-dep)=/;

/** Properties that change what an object or a promise is when a guest may name them. */
const POISON = new Set(['__proto__', 'constructor', 'prototype', 'then']);
/** Properties that every host object has: an import that the host lacks would be found there. */
const INHERITED_BY_OBJECTS = new Set([...POISON, ...Object.getOwnPropertyNames(Object.prototype)]);
/** Properties that every class has: `Class.constructor(text)` is `Function(text)`. */
const INHERITED_BY_CLASSES = new Set([
  ...INHERITED_BY_OBJECTS,
  ...Object.getOwnPropertyNames(Function.prototype),
  'arguments',
  'caller',
]);

/** A core module's import module, import field or export name, or a name in a core instance. */
export function refuseCoreName(name: string): Refusal {
  if (!CORE_NAME.test(name)) return 'holds characters that could leave a JavaScript string';
  if (POISON.has(name)) return 'has a meaning of its own as a property of a JavaScript object';
  return undefined;
}

/** A record's field, a variant's, enum's or flags' label, a parameter. These become keys and values of data only. */
export function refuseLabel(name: string): Refusal {
  return LABEL_NAME.test(name) ? undefined : 'is not a kebab-case label of ASCII letters, digits and hyphens';
}

/** What a component, an instance or a type of either imports or exports, and what it is, where that is known. */
export function refuseExternName(name: string, direction: 'import' | 'export', sort?: string): Refusal {
  if (INTERFACE_NAME.test(name)) {
    // The generator panics at a function whose name is an interface's, and is unusable from then on.
    return sort === 'func' || sort === 'type' ? `is an interface's name and stands for a ${sort}` : undefined;
  }
  if (DEPENDENCY_NAME.test(name)) {
    return 'asks for a component by address or dependency, which nobody resolves here; link it in before';
  }
  const [plain, func, ofConstructor, , kind, resource, member] = PLAIN_NAME.exec(name) ?? [];
  if (plain === undefined) return 'is neither a kebab-case name nor an interface name like ns:package/interface@1.0.0';
  const forbidden = direction === 'import' ? INHERITED_BY_OBJECTS : POISON;
  const statics = direction === 'import' ? INHERITED_BY_CLASSES : POISON;
  const bad =
    (func !== undefined && forbidden.has(camelCase(func))) ||
    (ofConstructor !== undefined && forbidden.has(pascalCase(ofConstructor))) ||
    (resource !== undefined && forbidden.has(pascalCase(resource))) ||
    (member !== undefined && (kind === 'static' ? statics : POISON).has(camelCase(member)));
  return bad ? 'has a meaning of its own as a property of a JavaScript object or class' : undefined;
}

function camelCase(label: string): string {
  return label.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function pascalCase(label: string): string {
  const name = camelCase(label);
  return name.charAt(0).toUpperCase() + name.slice(1);
}
