import { memberName } from '#runtime/names';
import type { Resource, ValueType } from '#wasm';
import { RuntimeError } from '../errors.ts';
import type { Dialect } from './dialect.ts';

/** The most parts of types that one file of declarations writes out. Sharing lets a small component describe a huge text. */
const MOST_PARTS = 200_000;

/** Writes types in TypeScript. A type that has a name is written by its name. */
export class TypeTexts {
  readonly dialect: Dialect;
  readonly #nameOf: (type: ValueType | Resource) => string | undefined;
  #left = MOST_PARTS;

  constructor(dialect: Dialect, nameOf: (type: ValueType | Resource) => string | undefined) {
    this.dialect = dialect;
    this.#nameOf = nameOf;
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT` if the types are too large to be written out */
  of(type: ValueType | undefined): string {
    if (type === undefined) return 'void';
    return this.#nameOf(type) ?? this.structure(type);
  }

  /** Writes a type without its own name, which a declaration gives it. */
  structure(type: ValueType): string {
    this.#left -= 1;
    if (this.#left < 0) {
      const message = `the component's types have more than ${MOST_PARTS} parts when they are written out`;
      throw new RuntimeError('RUNTIME_INVALID_COMPONENT', message);
    }
    switch (type.kind) {
      case 'bool':
        return 'boolean';
      case 'u64':
      case 's64':
        return this.dialect.wide;
      case 'char':
      case 'string':
        return 'string';
      case 'record':
        return braced(type.fields.map((field) => this.field(field)));
      case 'tuple':
        return `[${type.elements.map((each) => this.of(each)).join(', ')}]`;
      case 'list':
        return this.#list(type);
      case 'map':
        return `Map<${this.of(type.key)}, ${this.of(type.element)}>`;
      case 'variant':
        return either(type.cases.map((each) => tagged(each.name, this.#value(each.type))));
      case 'result':
        return either([tagged('ok', this.#value(type.ok)), tagged('err', this.#value(type.error))]);
      case 'option': {
        if (isTagged(type)) return either([tagged('none', undefined), tagged('some', this.of(type.element))]);
        return either([this.of(type.element), this.dialect.none]);
      }
      case 'enum':
        return either(type.labels.map(quoted));
      case 'flags':
        return braced(type.labels.map((label) => `${memberName(label)}?: boolean`));
      case 'own':
      case 'borrow':
        return this.#nameOf(type.resource) ?? 'object';
      case 'stream':
      case 'future':
        return this.#later(type);
      case 'error-context':
        return 'unknown';
      default:
        return 'number';
    }
  }

  /** A field of a record, as a member of an interface. An option may be left out. */
  field({ name, type }: { readonly name: string; readonly type: ValueType }): string {
    const property = memberName(name);
    if (!isPlainOption(type)) return `${property}: ${this.of(type)}`;
    return `${property}?: ${this.orUndefined(type)}`;
  }

  /** An option as an argument or a field, which may be undefined on either side. */
  orUndefined(type: ValueType): string {
    const text = this.of(type);
    return this.dialect.none === 'undefined' && text.endsWith('undefined') ? text : either([text, 'undefined']);
  }

  /** A case's value: nothing without a type. */
  #value(type: ValueType | undefined): string | undefined {
    return type === undefined ? undefined : this.of(type);
  }

  /**
   * A stream or future as it comes out of a component and may go in. A `ReadableStream` of bytes is an iterable of them, and has no
   * type in the language's own library.
   */
  #later({ kind, element }: Extract<ValueType, { kind: 'stream' | 'future' }>): string {
    const item = element === undefined ? 'undefined' : this.of(element);
    if (kind === 'future') return this.dialect.future(item);
    return `AsyncIterable<${element?.kind === 'u8' ? 'Uint8Array' : item}>`;
  }

  #list({ element, length }: Extract<ValueType, { kind: 'list' }>): string {
    const array = this.dialect.arrays[element.kind];
    if (array !== undefined) return array;
    const item = this.of(element);
    const items = /^[\w.'"()@:/-]+$/.test(item) ? `${item}[]` : `(${item})[]`;
    return length === undefined ? items : `${items} & { readonly length: ${length} }`;
  }
}

/** The names of a type's cases, labels or flags; none of any other type. */
export function caseNames(type: ValueType): readonly string[] {
  if (type.kind === 'variant') return type.cases.map(({ name }) => name);
  return type.kind === 'enum' || type.kind === 'flags' ? type.labels : [];
}

/** Whether a missing value stands for the option's `none`. */
export function isPlainOption(type: ValueType): boolean {
  return type.kind === 'option' && !isTagged(type);
}

/** Of options in each other every second one has a tag, counted from the innermost. */
function isTagged({ element }: Extract<ValueType, { kind: 'option' }>): boolean {
  return element.kind === 'option' && !isTagged(element);
}

function tagged(tag: string, value: string | undefined): string {
  return braced([`tag: ${quoted(tag)}`, ...(value === undefined ? [] : [`val: ${value}`])]);
}

function braced(members: readonly string[]): string {
  return members.length === 0 ? 'object' : `{ ${members.join('; ')} }`;
}

/** The distinct alternatives. */
function either(alternatives: readonly string[]): string {
  return [...new Set(alternatives)].join(' | ') || 'never';
}

/** Names of WIT have no quote and no backslash, which the reader of the component has checked. */
export function quoted(name: string): string {
  return `'${name}'`;
}
