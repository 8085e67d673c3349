import type { ValueType } from '#wasm';

/** How a function's code has the resources of one type that cross it. */
export interface ResourceUse {
  /** Numbers the resource types of a component, for handles. */
  readonly id: number;
  /**
   * As what a resource crosses: an object of the host's, the number by which the component instance that defines it
   * knows it, or, where the embedder holds it, an object that stands for that number.
   */
  readonly as: 'host object' | 'number' | 'given object';
  /** The component instance that defines it; undefined where the host does. */
  readonly definedBy: number | undefined;
}

/** How a function reaches a component's memory: what the generated code of it has as local names. */
export interface MemoryAccess {
  readonly encoding: 'utf8' | 'utf16' | 'latin1+utf16';
  /** Whether the memory is a 64-bit one, of which pointers and lengths are bigints to JavaScript. */
  readonly wide: boolean;
  /** Which handle table the function's component instance has. */
  readonly instance: number;
  /** What handles of a resource type stand for. */
  resource(type: Extract<ValueType, { kind: 'own' } | { kind: 'borrow' }>): ResourceUse;
  /** The name of a kept text, for one place that lowers strings. */
  keptText(): string;
}

/**
 * JavaScript being written. Every name in it is made here; what comes from a component enters as numbers and as labels
 * that `key` and `text` let through.
 */
export class Code {
  readonly #lines: string[] = [];
  readonly #prefix: string;
  #names = 0;

  /** @param prefix of its names, where two are put together */
  constructor(prefix = 'v') {
    this.#prefix = prefix;
  }

  /** Writes a line. */
  line(text: string): void {
    this.#lines.push(text);
  }

  /** A new local name. */
  name(): string {
    this.#names += 1;
    return `${this.#prefix}${this.#names}`;
  }

  /** Declares a new local name with a value. */
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

/** A WIT label as the text of a JavaScript string. */
export function text(label: string): string {
  if (!LABEL.test(label)) throw new TypeError('a label is not kebab-case');
  return JSON.stringify(label);
}

/** A WIT label as the text of a JavaScript property: camelCase. */
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
 * Whether an option's "none" cannot be told from its inner value's, so that both are written with tags. An inner option
 * that is written with tags can be told: of options in each other every second one is.
 */
export function isNestedOption(type: Extract<ValueType, { kind: 'option' }>): boolean {
  return type.element.kind === 'option' && !isNestedOption(type.element);
}

/** The typed array for a list's elements, where it has one. */
export const NUMBERS: Readonly<Partial<Record<ValueType['kind'], string>>> = {
  u8: 'Uint8Array',
  s8: 'Int8Array',
  u16: 'Uint16Array',
  s16: 'Int16Array',
  u32: 'Uint32Array',
  s32: 'Int32Array',
  u64: 'BigUint64Array',
  s64: 'BigInt64Array',
  f32: 'Float32Array',
  f64: 'Float64Array',
};

export const STORE_STRING = { utf8: 'storeUtf8', utf16: 'storeUtf16', 'latin1+utf16': 'storeLatin1OrUtf16' } as const;
export const LOAD_STRING = { utf8: 'loadUtf8', utf16: 'loadUtf16', 'latin1+utf16': 'loadLatin1OrUtf16' } as const;

/** The tags of a variant, an option (when nested) or a result, by discriminant. */
export function tagsOf(
  type: Extract<ValueType, { kind: 'variant' } | { kind: 'option' } | { kind: 'result' }>,
): readonly string[] {
  if (type.kind === 'variant') return type.cases.map(({ name }) => name);
  return type.kind === 'option' ? ['none', 'some'] : ['ok', 'err'];
}
