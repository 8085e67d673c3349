import { inspect } from './inspect.ts';

/** The depth to which `%o` shows a value. */
const DEEP = 4;

/** Formats the arguments of `console.log`: first those for `%s`, `%d`, `%i`, `%f`, `%j`, `%o` and `%O`, then the rest. */
export function format(args: readonly unknown[]): string {
  const [first, ...rest] = args;
  if (typeof first !== 'string' || args.length === 1) return args.map(asPart).join(' ');
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
  if (directive === '%s') return asText(value);
  if (directive === '%c') return '';
  if (directive === '%j') return asJson(value);
  if (directive === '%o') return inspect(value, DEEP);
  if (directive === '%O') return inspect(value);
  return asNumber(directive, value);
}

function asNumber(directive: string, value: unknown): string {
  if (typeof value === 'symbol') return 'NaN';
  if (typeof value === 'bigint' && directive !== '%f') return `${value}n`;
  if (typeof value === 'object' && value !== null && directive === '%d') return inspect(Number(value));
  const number = directive === '%d' ? Number(value) : Number.parseFloat(String(value));
  return inspect(directive === '%i' && Number.isFinite(number) ? Math.trunc(number) : number);
}

/** An object whose class says what its text is has that text. */
function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'function') return String(value);
  if (typeof value !== 'object' || value === null) return inspect(value);
  if (value instanceof Date || value instanceof Error) return inspect(value, 0);
  const own = (value as { toString?: unknown }).toString;
  return typeof own === 'function' && !BUILT_IN.has(own) ? String(value) : inspect(value, 0);
}

const BUILT_IN: ReadonlySet<unknown> = new Set(
  [Object, Array, Date, Number, String, Boolean].map(({ prototype }) => prototype.toString),
);

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'undefined';
  } catch (error) {
    if (error instanceof TypeError && /circular/i.test(error.message)) return '[Circular]';
    throw error;
  }
}
