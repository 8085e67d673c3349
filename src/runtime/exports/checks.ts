import { memberName } from '#runtime/names';
import type { Check, CheckBudget } from './check.ts';
import { GivenFuture, GivenStream } from './given-streams.ts';
import { Refusal, unexpected } from './refusal.ts';
import { type ArgumentType, isTaggedOption, type Shape } from './shape.ts';
import { TYPED_ARRAYS } from './typed-arrays.ts';

/** Makes the check of each type at its first use. It needs no bound of depth, because the reader of the binary bounds that of types. */
export class Checks {
  readonly #known = new Map<ArgumentType, Check>();
  readonly #mayLackFlags: boolean;

  /** @param mayLackFlags whether a missing `flags` value stands for no flags, as jco's hosts answer it */
  constructor(mayLackFlags = false) {
    this.#mayLackFlags = mayLackFlags;
  }

  of(type: ArgumentType): Check {
    let check = this.#known.get(type);
    if (check === undefined) {
      check = this.#make(type.shape);
      this.#known.set(type, check);
    }
    return check;
  }

  #make(shape: Shape<ArgumentType>): Check {
    switch (shape.kind) {
      case 'bool':
        return boolean;
      case 'u8':
      case 's8':
      case 'u16':
      case 's16':
      case 'u32':
      case 's32':
        return integer(shape.kind);
      case 'u64':
      case 's64':
        return wideInteger(shape.kind);
      case 'f32':
      case 'f64':
        return float(shape.kind);
      case 'char':
        return character;
      case 'string':
        return text;
      case 'record':
        return record(shape.fields.map(({ name, type }) => ({ key: memberName(name), check: this.of(type) })));
      case 'tuple':
        return tuple(shape.elements.map((element) => this.of(element)));
      case 'list':
        return this.#list(shape);
      case 'map':
        return map(this.of(shape.key), this.of(shape.element));
      case 'variant':
        return tagged('a variant', shape.cases, this);
      case 'result':
        return tagged(
          'a result',
          [
            { name: 'ok', type: shape.ok },
            { name: 'err', type: shape.error },
          ],
          this,
        );
      case 'option':
        if (!isTaggedOption(shape)) return optional(this.of(shape.element));
        return tagged('an option of an option', [{ name: 'none' }, { name: 'some', type: shape.element }], this);
      case 'enum':
        return enumeration(shape.labels);
      case 'flags':
        return flags(shape.labels.map(memberName), this.#mayLackFlags);
      case 'own':
      case 'borrow':
        return resource(shape.resource);
      case 'stream':
        return this.#stream(shape.element);
      case 'future':
        return this.#future(shape.element);
      case 'error-context':
        return (value) => value;
    }
  }

  #stream(element: ArgumentType | undefined): Check {
    const rules = { check: this.#ofElement(element), isBytes: element?.shape.kind === 'u8' };
    return (value) => new GivenStream(value, rules);
  }

  #future(element: ArgumentType | undefined): Check {
    const check = this.#ofElement(element);
    return (value) => new GivenFuture(value, check);
  }

  #ofElement(element: ArgumentType | undefined): Check | undefined {
    return element === undefined ? undefined : this.of(element);
  }

  #list({ element, length }: Extract<Shape<ArgumentType>, { kind: 'list' }>): Check {
    const { kind } = element.shape;
    const numbers = isNumeric(kind) ? TYPED_ARRAYS[kind] : undefined;
    const items = numbers === undefined ? list(this.of(element)) : numberList(this.of(element), numbers);
    if (length === undefined) return items;
    return (value, budget) => {
      const checked = items(value, budget) as ArrayLike<unknown>;
      if (checked.length === length) return checked;
      throw new Refusal(`a list of ${length} items is expected, not of ${checked.length}`);
    };
  }
}

const boolean: Check = (value) => {
  if (typeof value === 'boolean') return value;
  throw unexpected('a bool', value);
};

const RANGES = {
  u8: [0, 0xff],
  s8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  s16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  s32: [-0x8000_0000, 0x7fff_ffff],
} as const;

function integer(kind: keyof typeof RANGES): Check {
  const [least, most] = RANGES[kind];
  return (value) => {
    if (typeof value === 'number' && value >= least && value <= most && Number.isInteger(value)) return value;
    throw unexpected(article(kind), value);
  };
}

function wideInteger(kind: 'u64' | 's64'): Check {
  const [least, most] = kind === 'u64' ? [0n, 2n ** 64n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
  return (value) => {
    if (typeof value === 'bigint' && value >= least && value <= most) return value;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return BigInt(value);
    const unsafe = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
    throw unexpected(unsafe ? `${article(kind)} as a bigint or a safe integer` : article(kind), value);
  };
}

function float(kind: 'f32' | 'f64'): Check {
  return (value) => {
    if (typeof value === 'number') return value;
    throw unexpected(article(kind), value);
  };
}

const character: Check = (value) => {
  if (typeof value === 'string' && value.isWellFormed()) {
    const code = value.codePointAt(0);
    if (code !== undefined && value.length === (code > 0xffff ? 2 : 1)) return value;
  }
  throw unexpected('a char', value);
};

const text: Check = (value) => {
  if (typeof value !== 'string') throw unexpected('a string', value);
  if (!value.isWellFormed())
    throw new Refusal('a string of whole characters is expected, not one with half of a surrogate pair');
  return value;
};

function record(fields: readonly { readonly key: string; readonly check: Check }[]): Check {
  return (value, budget) => {
    const given = asObject('a record', value);
    budget.take(fields.length);
    const copy: Record<string, unknown> = {};
    let at = '';
    try {
      for (const { key, check } of fields) {
        at = key;
        copy[key] = check(fieldOf(given, key), budget);
      }
    } catch (error) {
      throw outward(error, at);
    }
    return copy;
  };
}

function tuple(elements: readonly Check[]): Check {
  return (value, budget) => {
    if (!Array.isArray(value)) throw unexpected(`a tuple of ${elements.length}`, value);
    if (value.length !== elements.length) {
      throw new Refusal(`a tuple of ${elements.length} is expected, not of ${value.length}`);
    }
    budget.take(elements.length);
    let at = 0;
    try {
      return elements.map((check, index) => {
        at = index;
        return check(value[index], budget);
      });
    } catch (error) {
      throw outward(error, at);
    }
  };
}

function list(element: Check): Check {
  return (value, budget) => {
    if (!Array.isArray(value)) throw unexpected('a list', value);
    return items(value, element, budget, []);
  };
}

/** A typed array of the element's own kind is taken as it is, because it can hold nothing else. */
function numberList(element: Check, numbers: NumbersClass): Check {
  return (value, budget) => {
    if (value instanceof numbers) return value;
    if (!Array.isArray(value) && !(ArrayBuffer.isView(value) && !(value instanceof DataView)))
      throw unexpected('a list', value);
    return numbers.from(items(value as ArrayLike<unknown>, element, budget, []) as never[]);
  };
}

function items(value: ArrayLike<unknown>, check: Check, budget: CheckBudget, copy: unknown[]): unknown[] {
  const { length } = value;
  if (!Number.isSafeInteger(length) || length < 0)
    throw new Refusal('a list is expected whose length is a whole number');
  budget.take(length);
  let at = 0;
  try {
    for (; at < length; at++) copy.push(check(value[at], budget));
  } catch (error) {
    throw outward(error, at);
  }
  return copy;
}

function map(key: Check, element: Check): Check {
  return (value, budget) => {
    if (!(value instanceof Map)) throw unexpected('a Map', value);
    budget.take(value.size * 2);
    return new Map(Array.from(value, ([each, held]) => [key(each, budget), element(held, budget)]));
  };
}

function optional(inner: Check): Check {
  return (value, budget) => (value === undefined || value === null ? undefined : inner(value, budget));
}

interface Case {
  readonly name: string;
  readonly type?: ArgumentType | undefined;
}

function tagged(what: string, cases: readonly Case[], checks: Checks): Check {
  const payloads = new Map(cases.map(({ name, type }) => [name, type === undefined ? undefined : checks.of(type)]));
  return (value, budget) => {
    const given = asObject(`${what}, as an object with a tag,`, value);
    const tag = fieldOf(given, 'tag');
    if (typeof tag !== 'string' || !payloads.has(tag)) throw noCase(tag, [...payloads.keys()]).inside('tag');
    budget.take(1);
    const payload = payloads.get(tag);
    try {
      const val = fieldOf(given, 'val');
      if (payload !== undefined) return { tag, val: payload(val, budget) };
      if (val !== undefined && val !== null) throw unexpected(`no value for the case ${tag}`, val);
    } catch (error) {
      throw outward(error, 'val');
    }
    return { tag };
  };
}

function enumeration(labels: readonly string[]): Check {
  const known = new Set<unknown>(labels);
  return (value) => {
    if (known.has(value)) return value;
    throw noCase(value, labels);
  };
}

function flags(keys: readonly string[], mayLack: boolean): Check {
  const known = new Set(keys);
  return (value) => {
    const given =
      mayLack && (value ?? undefined) === undefined ? {} : asObject('flags, as an object of booleans,', value);
    for (const key of Object.keys(given)) if (!known.has(key)) throw noCase(key, keys);
    const copy: Record<string, boolean> = {};
    for (const key of keys) {
      const flag = fieldOf(given, key);
      if (flag !== undefined && typeof flag !== 'boolean') throw unexpected('a bool', flag).inside(key);
      copy[key] = flag === true;
    }
    return copy;
  };
}

/** Checks only for an object. The code that makes the handle checks the class, because that code knows the instance. */
function resource(name: string): Check {
  return (value) => asObject(`a resource ${name}`, value);
}

const MOST_CASES_SHOWN = 20;

function noCase(value: unknown, names: readonly string[]): Refusal {
  const more = names.length > MOST_CASES_SHOWN ? ` and ${names.length - MOST_CASES_SHOWN} more` : '';
  return unexpected(`one of ${names.slice(0, MOST_CASES_SHOWN).join(', ')}${more}`, value);
}

function asObject(expected: string, value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) return value;
  throw unexpected(expected, value);
}

/** The value of a field. A function that an object inherits, as `toString`, is no field. */
function fieldOf(value: object, key: string): unknown {
  const found: unknown = Reflect.get(value, key);
  return typeof found === 'function' && !Object.hasOwn(value, key) ? undefined : found;
}

function outward(error: unknown, step: string | number): unknown {
  return error instanceof Refusal ? error.inside(step) : error;
}

function article(kind: string): string {
  return `${/^[sf]/.test(kind) ? 'an' : 'a'} ${kind}`;
}

function isNumeric(kind: string): kind is keyof typeof TYPED_ARRAYS {
  return Object.hasOwn(TYPED_ARRAYS, kind);
}

/** A typed array's constructor, as far as it is used here. */
interface NumbersClass {
  new (length: number): ArrayLike<unknown>;
  from(items: ArrayLike<never>): ArrayLike<unknown>;
}
