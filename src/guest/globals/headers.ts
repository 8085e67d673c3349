import { install } from './install.ts';

/** What HTTP calls a token: the name of a header, or a method. */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

export type HeadersInit = Headers | Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/** Headers with lower-case names, in the order of the names. Values of one name are joined by commas, except those of `set-cookie`. */
export class Headers {
  readonly #values = new Map<string, string[]>();

  constructor(init: HeadersInit = {}) {
    const pairs = Symbol.iterator in init ? (init as Iterable<readonly [string, string]>) : Object.entries(init);
    for (const pair of pairs) {
      const [name, value, ...more] = pair as readonly string[];
      if (name === undefined || value === undefined || more.length > 0)
        throw new TypeError('a list of headers has pairs of a name and a value');
      this.append(name, value);
    }
  }

  append(name: string, value: string): void {
    const key = checked(name);
    this.#values.set(key, [...(this.#values.get(key) ?? []), clean(value)]);
  }

  set(name: string, value: string): void {
    this.#values.set(checked(name), [clean(value)]);
  }

  get(name: string): string | null {
    return this.#values.get(checked(name))?.join(', ') ?? null;
  }

  getSetCookie(): string[] {
    return [...(this.#values.get('set-cookie') ?? [])];
  }

  has(name: string): boolean {
    return this.#values.has(checked(name));
  }

  delete(name: string): void {
    this.#values.delete(checked(name));
  }

  forEach(use: (value: string, name: string, headers: Headers) => void): void {
    for (const [name, value] of this) use(value, name, this);
  }

  *entries(): Generator<[string, string]> {
    for (const name of [...this.#values.keys()].sort()) {
      const values = this.#values.get(name) ?? [];
      if (name === 'set-cookie') for (const value of values) yield [name, value];
      else yield [name, values.join(', ')];
    }
  }

  *keys(): Generator<string> {
    for (const [name] of this) yield name;
  }

  *values(): Generator<string> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): Generator<[string, string]> {
    return this.entries();
  }
}

function checked(name: string): string {
  const text = String(name);
  if (!TOKEN.test(text)) throw new TypeError(`${JSON.stringify(text.slice(0, 100))} is not the name of a header`);
  return text.toLowerCase();
}

function clean(value: string): string {
  const text = String(value).trim();
  if (/[\0\r\n]/.test(text)) throw new TypeError('the value of a header has a line end or a zero byte');
  return text;
}

install({ Headers });
