const MAX_DEPTH = 4;
const MAX_ITEMS = 100;
const MAX_LINE = 72;
const PLAIN_KEY = /^[A-Za-z_$][\w$]{0,255}$/;

/** Formats a value for developers: nested, with types, and bounded in depth and number of items. */
export function inspect(value: unknown, depth: number = MAX_DEPTH): string {
  return shown(value, depth, []);
}

/** Formats the arguments of `console.log`: first those for `%s`, `%d`, `%i`, `%f`, `%j`, `%o` and `%O`, then the rest. */
export function format(args: readonly unknown[]): string {
  const [first, ...rest] = args;
  if (typeof first !== 'string') return args.map(asPart).join(' ');
  let used = 0;
  const text = first.replace(/%[sdifjoOc%]/g, (directive) => {
    if (directive === '%%') return '%';
    if (used >= rest.length) return directive;
    return directed(directive, rest[used++]);
  });
  return [text, ...rest.slice(used).map(asPart)].join(' ');
}

function asPart(value: unknown): string {
  return typeof value === 'string' ? value : inspect(value);
}

function directed(directive: string, value: unknown): string {
  if (directive === '%s') return asPart(value);
  if (directive === '%c') return '';
  if (directive === '%j') return JSON.stringify(value) ?? 'undefined';
  if (directive === '%o' || directive === '%O') return inspect(value);
  if (typeof value === 'bigint') return `${value}n`;
  const number = Number(value);
  return String(directive === '%i' ? Math.trunc(number) : number);
}

function shown(value: unknown, depth: number, above: readonly object[]): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  if (typeof value === 'function') return functionName(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (above.includes(value)) return '[Circular]';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Error) return errorText(value, depth, above);
  return compound(value, depth, above);
}

function compound(value: object, depth: number, above: readonly object[]): string {
  const inside = [...above, value];
  const inner = (item: unknown): string => shown(item, depth - 1, inside);
  const name = className(value);
  if (depth < 0) return Array.isArray(value) ? '[Array]' : `[${name || 'Object'}]`;
  if (Array.isArray(value))
    return enclosed('[', value, inner, ']', name === 'Array' ? '' : `${name}(${value.length}) `);
  if (value instanceof Map) {
    const entry = ([key, item]: [unknown, unknown]): string => `${inner(key)} => ${inner(item)}`;
    return enclosed('{', [...value], entry, '}', `${name}(${value.size}) `);
  }
  if (value instanceof Set) return enclosed('{', [...value], inner, '}', `${name}(${value.size}) `);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const items = [...(value as unknown as Iterable<unknown>)];
    return enclosed('[', items, inner, ']', `${name}(${items.length}) `);
  }
  if (value instanceof ArrayBuffer) return `${name} { byteLength: ${value.byteLength} }`;
  const own = Object.entries(Object.getOwnPropertyDescriptors(value)).filter(([, { enumerable }]) => enumerable);
  const field = ([key, { get, value: item }]: [string, PropertyDescriptor]): string =>
    `${PLAIN_KEY.test(key) ? key : quoted(key)}: ${get === undefined ? inner(item) : '[Getter]'}`;
  return enclosed('{', own, field, '}', name === 'Object' ? '' : `${name} `);
}

function enclosed<T>(
  open: string,
  items: readonly T[],
  text: (item: T) => string,
  close: string,
  before: string,
): string {
  if (items.length === 0) return `${before}${open}${close}`;
  const parts = items.slice(0, MAX_ITEMS).map(text);
  if (items.length > MAX_ITEMS) parts.push(`... ${items.length - MAX_ITEMS} more`);
  const space = open === '{' ? ' ' : '';
  const line = `${before}${open}${space}${parts.join(', ')}${space}${close}`;
  if (line.length <= MAX_LINE && !line.includes('\n')) return line;
  return `${before}${open}\n${parts.map((part) => `  ${part.replaceAll('\n', '\n  ')}`).join(',\n')}\n${close}`;
}

function errorText(error: Error, depth: number, above: readonly object[]): string {
  const head = error.message === '' ? error.name : `${error.name}: ${error.message}`;
  const stack = String(error.stack ?? '').trimEnd();
  const text = stack === '' ? head : `${head}\n${stack}`;
  if (error.cause === undefined || depth < 0) return text;
  return `${text}\n  [cause]: ${shown(error.cause, depth - 1, [...above, error]).replaceAll('\n', '\n  ')}`;
}

function className(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
  if (prototype === null) return '[Object: null prototype]';
  const name = prototype.constructor?.name;
  return typeof name === 'string' ? name : 'Object';
}

function functionName({ name }: { readonly name: string }): string {
  return name === '' ? '[Function (anonymous)]' : `[Function: ${name}]`;
}

function quoted(text: string): string {
  const quote = text.includes("'") ? (text.includes('"') ? '`' : '"') : "'";
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return quote + (quote === '"' ? escaped.replaceAll('"', '\\"') : escaped) + quote;
}
