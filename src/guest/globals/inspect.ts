import { laidOut } from './inspect-layout.ts';
import { webParts } from './inspect-web.ts';

const MAX_DEPTH = 2;
const MAX_ITEMS = 100;
const MAX_TEXT = 10_000;
/** A text in a value is broken at its line ends where it is longer than this and than its line. */
const MIN_BROKEN = 16;
const MAX_LINE = 80;
const PLAIN_KEY = /^[A-Za-z_][A-Za-z_0-9]{0,255}$/;
/** What a class says itself of its objects, as it does to Node. */
const CUSTOM = Symbol.for('nodejs.util.inspect.custom');

/** One value that is being shown, with all that is nested in it. */
interface Context {
  readonly depth: number;
  /** The objects that are open: a value in this list is in a circle. */
  readonly above: object[];
  /** The objects that a circle leads back to, numbered from 1. */
  readonly circles: Map<object, number>;
  indentation: number;
  /** The level of the object that was begun last. */
  level: number;
}

/** Formats a value for developers as `util.inspect` of Node does, nested to `depth`. Reads no getter. */
export function inspect(value: unknown, depth: number | null = MAX_DEPTH): string {
  const context = { depth: depth ?? Number.POSITIVE_INFINITY, above: [], circles: new Map(), indentation: 0, level: 0 };
  try {
    return shown(value, context, 0);
  } catch (error) {
    // A proxy or a deep value may throw. What is logged must not fail a turn.
    return `[it cannot be shown: ${error instanceof Error ? error.message : 'it throws'}]`;
  }
}

function shown(value: unknown, context: Context, level: number): string {
  if (typeof value === 'string') return textOf(value, context);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return String(value);
  const custom = (value as { [CUSTOM]?: unknown })[CUSTOM];
  if (typeof custom === 'function') {
    const told: unknown = custom.call(value, context.depth - level, {}, inspect);
    if (told !== value) return typeof told === 'string' ? told : shown(told, context, level);
  }
  if (context.above.includes(value)) {
    const number = context.circles.get(value) ?? context.circles.size + 1;
    context.circles.set(value, number);
    return `[Circular *${number}]`;
  }
  return objectText(value, context, level);
}

/** How an object is shown: its brackets, what stands before them, its own parts, and the keys that follow these. */
interface Form {
  readonly base?: string;
  readonly open?: string;
  readonly close?: string;
  readonly parts?: () => string[];
  readonly keys?: readonly PropertyKey[];
  readonly items?: ArrayLike<unknown>;
  /** Whether it is `base` alone where it has neither parts nor keys. */
  readonly isBase?: boolean;
}

function objectText(value: object, context: Context, level: number): string {
  const inner = (item: unknown): string => nested(item, context, level);
  const { base = '', open = '{', close = '}', keys = keysOf(value), ...form } = formOf(value, context, inner);
  const hasItems = form.items !== undefined ? form.items.length > 0 : form.parts !== undefined;
  if (keys.length === 0 && !hasItems) return form.isBase === true ? base : `${open}${close}`;
  if (level > context.depth) return `[${className(value) ?? 'Object: null prototype'}]`;
  context.above.push(value);
  context.level = level;
  const own = form.parts?.() ?? [];
  const parts = [...own, ...keys.map((key) => field(value, key, inner))];
  context.above.pop();
  const number = context.circles.get(value);
  const reference = number === undefined ? '' : `<ref *${number}>`;
  return laidOut({
    parts,
    base: base === '' || reference === '' ? reference + base : `${reference} ${base}`,
    open,
    close,
    indentation: context.indentation,
    levels: context.level - level,
    items: form.items,
    isCut: form.items !== undefined && form.items.length > MAX_ITEMS,
  });
}

function nested(item: unknown, context: Context, level: number): string {
  context.indentation += 2;
  const text = shown(item, context, level + 1);
  context.indentation -= 2;
  return text;
}

function formOf(value: object, context: Context, inner: (item: unknown) => string): Form {
  if (typeof value === 'function') return { base: functionText(value as AnyFunction), isBase: true };
  if (Array.isArray(value)) {
    const open = className(value) === 'Array' ? '[' : `${prefix(value, 'Array', `(${value.length})`)}[`;
    const keys = keysOf(value).filter((key) => typeof key !== 'string' || !/^(?:0|[1-9]\d{0,9})$/.test(key));
    return { open, close: ']', keys, items: value, parts: () => listed(value, inner) };
  }
  if (value instanceof Set || value instanceof Map) {
    const isMap = value instanceof Map;
    const open = `${prefix(value, isMap ? 'Map' : 'Set', `(${value.size})`)}{`;
    if (value.size === 0) return { open };
    const pair = ([key, item]: [unknown, unknown]): string => `${inner(key)} => ${inner(item)}`;
    return { open, parts: () => (isMap ? bounded([...value], pair) : bounded([...value], inner)) };
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const items = value as unknown as ArrayLike<unknown>;
    const open = `${prefix(value, 'TypedArray', `(${items.length})`)}[`;
    const keys = items.length > 10_000 ? [] : keysOf(value).filter((key) => !/^\d/.test(String(key)));
    return { open, close: ']', keys, items, parts: () => listed(items, inner) };
  }
  if (value instanceof ArrayBuffer) {
    return { open: `${prefix(value, 'ArrayBuffer')}{`, parts: () => [`byteLength: ${value.byteLength}`] };
  }
  if (value instanceof Date) {
    return { base: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString(), isBase: true };
  }
  if (value instanceof RegExp) return { base: String(value), isBase: true };
  if (value instanceof Error) return errorForm(value, context);
  if (value instanceof WeakMap || value instanceof WeakSet) {
    return { open: `${prefix(value, 'WeakMap')}{`, parts: () => ['<items unknown>'] };
  }
  const boxed = boxedText(value);
  if (boxed !== undefined)
    return { base: boxed, isBase: true, keys: keysOf(value).filter((key) => !/^\d/.test(String(key))) };
  const name = prefix(value, 'Object');
  const web = webParts(value, inner, (key) => keyText(key, true));
  if (web !== undefined) return { open: `${name}{`, keys: [], ...(web.length > 0 && { parts: () => web }) };
  return { open: name === 'Object ' ? '{' : `${name}{` };
}

function listed(items: ArrayLike<unknown>, inner: (item: unknown) => string): string[] {
  const parts: string[] = [];
  const isList = Array.isArray(items);
  for (let at = 0; at < items.length && parts.length < MAX_ITEMS; at++) {
    if (!isList || at in items) {
      parts.push(inner(items[at]));
      continue;
    }
    const from = at;
    while (at + 1 < items.length && !(at + 1 in items)) at += 1;
    parts.push(`<${at - from + 1} empty item${at === from ? '' : 's'}>`);
  }
  return withRest(parts, items.length - MAX_ITEMS);
}

function bounded<T>(items: readonly T[], text: (item: T) => string): string[] {
  return withRest(items.slice(0, MAX_ITEMS).map(text), items.length - MAX_ITEMS);
}

function withRest(parts: string[], rest: number): string[] {
  if (rest > 0) parts.push(`... ${rest} more item${rest === 1 ? '' : 's'}`);
  return parts;
}

function keysOf(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
}

function field(value: object, key: PropertyKey, inner: (item: unknown) => string): string {
  const found = Object.getOwnPropertyDescriptor(value, key) ?? {};
  const { get, set } = found;
  const accessor = set === undefined ? '[Getter]' : get === undefined ? '[Setter]' : '[Getter/Setter]';
  const text = get === undefined && set === undefined ? inner(found.value) : accessor;
  return `${keyText(key, found.enumerable !== false)}: ${text}`;
}

function keyText(key: PropertyKey, isEnumerable: boolean): string {
  if (typeof key !== 'string') return String(key);
  if (key === '__proto__') return "['__proto__']";
  if (!isEnumerable) return `[${key}]`;
  return PLAIN_KEY.test(key) ? key : quoted(key);
}

function errorForm(error: Error, { indentation }: Context): Form {
  const head = error.message === '' ? error.name : `${error.name}: ${error.message}`;
  const stack = String(error.stack ?? '').trimEnd();
  const whole = stack === '' ? `[${head}]` : stack.startsWith(head) ? stack : `${head}\n${stack}`;
  const keys = keysOf(error).filter((key) => !['name', 'message', 'stack'].includes(String(key)));
  for (const hidden of ['cause', 'errors'])
    if (Object.hasOwn(error, hidden) && !keys.includes(hidden)) keys.push(hidden);
  return { base: whole.replaceAll('\n', `\n${' '.repeat(indentation)}`), isBase: true, keys };
}

function boxedText(value: object): string | undefined {
  for (const type of [Number, String, Boolean, BigInt, Symbol]) {
    if (value instanceof (type as unknown as NumberConstructor)) return `[${type.name}: ${inspect(value.valueOf())}]`;
  }
  return undefined;
}

/** Returns the name of an object's class and a space, with its tag where that says more. */
function prefix(value: object, fallback: string, size = ''): string {
  const name = className(value);
  const tag = Object.hasOwn(value, Symbol.toStringTag)
    ? undefined
    : (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  const kind = typeof tag === 'string' && tag !== '' ? tag : undefined;
  if (name === undefined)
    return `[${fallback}${size}: null prototype] ${kind === undefined || kind === fallback ? '' : `[${kind}] `}`;
  const base = kind ?? (fallback === 'Array' ? 'Array' : name);
  return base === name || base === 'Object' ? `${name}${size} ` : `${name}${size} [${base}] `;
}

/** Returns the name of the class; undefined for an object without a prototype. */
function className(value: object): string | undefined {
  for (let each: object | null = value; each !== null; each = Object.getPrototypeOf(each) as object | null) {
    const made = Object.getOwnPropertyDescriptor(each, 'constructor')?.value as { name?: unknown } | undefined;
    if (typeof made === 'function' && typeof made.name === 'string' && made.name !== '') return made.name;
  }
  return undefined;
}

type AnyFunction = { readonly name: unknown; readonly prototype?: unknown };

function functionText(value: AnyFunction): string {
  const name = typeof value.name === 'string' && value.name !== '' ? value.name : undefined;
  if (Object.getOwnPropertyDescriptor(value, 'prototype')?.writable !== false) {
    return name === undefined ? '[Function (anonymous)]' : `[Function: ${name}]`;
  }
  const { name: parent } = Object.getPrototypeOf(value) as { name?: string };
  const extended = parent === undefined || parent === '' ? '' : ` extends ${parent}`;
  return `[class ${name ?? '(anonymous)'}${extended}]`;
}

function textOf(text: string, { indentation, above }: Context): string {
  const kept = text.slice(0, MAX_TEXT);
  const cut = text.length - kept.length;
  const rest = cut === 0 ? '' : `... ${cut} more character${cut === 1 ? '' : 's'}`;
  if (above.length > 0 && kept.length > MIN_BROKEN && kept.length > MAX_LINE - indentation - 4) {
    const lines = kept.split(/(?<=\n)/).map(quoted);
    return lines.join(` +\n${' '.repeat(indentation + 2)}`) + rest;
  }
  return quoted(kept) + rest;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '\\': '\\\\',
};

function quoted(text: string): string {
  const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !/`|\$\{/.test(text) ? '`' : "'";
  let inside = '';
  for (const character of text) inside += escaped(character, quote);
  return quote + inside + quote;
}

function escaped(character: string, quote: string): string {
  const code = character.codePointAt(0) as number;
  if (character === "'" && quote === "'") return "\\'";
  if (code >= 0xd800 && code <= 0xdfff) return `\\u${code.toString(16)}`;
  if (code >= 0x20 && code < 0x7f && character !== '\\') return character;
  if (code > 0x9f) return character;
  return ESCAPES[character] ?? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}
