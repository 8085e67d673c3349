import type { ValueType } from '#wasm';

/** How the code of a function represents the resources of one type that pass through it. */
export interface ResourceUse {
  /** The number of the resource type in its component, by which handle tables know it. */
  readonly id: number;
  /**
   * The form in which a resource crosses: an object of the host, the number by which the component instance that defines
   * the resource knows it, or, where the embedder holds it, an object that stands for that number.
   */
  readonly as: 'host object' | 'number' | 'given object';
  /** The component instance that defines the type; undefined where the host defines it. */
  readonly definedBy: number | undefined;
}

/** How the generated code of a function reaches a component's memory and handles. */
export interface MemoryAccess {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  /** Whether the memory is a 64-bit one, whose pointers and lengths JavaScript gets as bigints. */
  readonly wide: boolean;
  /** The number of the function's component instance, which is also the number of its handle table. */
  readonly instance: number;
  /** Tells what the handles of a resource type stand for. */
  resource(type: Extract<ValueType, { kind: 'own' } | { kind: 'borrow' }>): ResourceUse;
  /** The number of a stream's or future's payload type. */
  payload(type: Extract<ValueType, { kind: 'stream' | 'future' }>): number;
  /** Whether streams and futures cross to or from JavaScript, and not between component instances. */
  readonly outside: boolean;
  /** An expression for whether a function of the host's own is called; left out where an embedder's is, or none. */
  readonly ours?: string | undefined;
  /** Makes the name of a new `KeptText`, for one place in the code that lowers strings. */
  keptText(): string;
}

/**
 * Collects the lines of generated JavaScript. The host makes every name in it. A component contributes only numbers, and
 * labels that `key` and `text` accept, so that it cannot inject code.
 */
export class Code {
  readonly #lines: string[] = [];
  readonly #prefix: string;
  #names = 0;

  /** @param prefix begins each local name, so that the names in two texts that are put together differ */
  constructor(prefix = 'v') {
    this.#prefix = prefix;
  }

  line(text: string): void {
    this.#lines.push(text);
  }

  /** Makes a new local name. */
  name(): string {
    this.#names += 1;
    return `${this.#prefix}${this.#names}`;
  }

  /** Declares a new local name with a value, and answers the name. */
  let(value: string): string {
    const name = this.name();
    this.line(`let ${name} = ${value};`);
    return name;
  }

  toString(): string {
    return this.#lines.join('\n');
  }
}

const LABEL = /^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$/;

/** Writes a WIT label as a JavaScript string literal. */
export function text(label: string): string {
  if (!LABEL.test(label)) throw new TypeError('a label is not kebab-case');
  return JSON.stringify(label);
}

/** Writes a WIT label as the string literal of a JavaScript property, in camelCase. */
export function key(label: string): string {
  return JSON.stringify(camelCase(label));
}

export function camelCase(label: string): string {
  if (!LABEL.test(label)) throw new TypeError('a label is not kebab-case');
  return label.toLowerCase().replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

export function pascalCase(label: string): string {
  const name = camelCase(label);
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/**
 * Whether the values of an option carry a tag, because its "none" would otherwise look like the "none" of the option
 * inside it. An inner option whose values carry tags cannot be confused: of nested options every second one carries tags.
 */
export function isNestedOption(type: Extract<ValueType, { kind: 'option' }>): boolean {
  return type.element.kind === 'option' && !isNestedOption(type.element);
}

export const STORE_STRING = { utf8: 'storeUtf8', utf16: 'storeUtf16', 'latin1+utf16': 'storeLatin1OrUtf16' } as const;
export const LOAD_STRING = { utf8: 'loadUtf8', utf16: 'loadUtf16', 'latin1+utf16': 'loadLatin1OrUtf16' } as const;

/** The tags of a variant, an option (when nested) or a result, by discriminant. */
export function tagsOf(
  type: Extract<ValueType, { kind: 'variant' } | { kind: 'option' } | { kind: 'result' }>,
): readonly string[] {
  if (type.kind === 'variant') return type.cases.map(({ name }) => name);
  return type.kind === 'option' ? ['none', 'some'] : ['ok', 'err'];
}
