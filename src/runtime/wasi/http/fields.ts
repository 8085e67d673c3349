import { RuntimeError } from '../../errors.ts';

/** A name (RFC 9110, section 5.6.2), and bytes that a value may have. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** They belong to the connection, which is the host's. */
const FORBIDDEN = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]);

/** Names and values together; a server refuses less. */
const MAX_BYTES = 64 * 1024;

/** `wasi:http/types.header-error`. */
type HeaderError = { readonly tag: 'invalid-syntax' | 'forbidden' | 'immutable' };

type Entry = readonly [name: string, value: Uint8Array];

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** The class of fields, and what the host does with its instances and a guest cannot. */
export interface FieldsKit {
  readonly Fields: new () => object;
  /** What came with an answer: not to be changed. */
  received(pairs: HeaderPairs): object;
  /** A copy that is not to be changed. */
  frozen(fields: object): object;
  /** As the host's HTTP takes them. */
  pairsOf(fields: object): HeaderPairs;
}

/** `wasi:http/types#fields`: headers or trailers. Names are compared in lower case. */
export function fieldsKit(): FieldsKit {
  let make: (entries: readonly Entry[]) => Fields;

  class Fields {
    #entries: Entry[] = [];
    #bytes = 0;
    #immutable = false;

    static {
      make = (entries) => {
        const fields = new Fields();
        fields.#entries = [...entries];
        fields.#immutable = true;
        return fields;
      };
    }

    static fromList(entries: readonly Entry[]): Fields {
      const fields = new Fields();
      for (const [name, value] of entries) fields.#add(name, value);
      return fields;
    }

    get(name: string): Uint8Array[] {
      return this.#of(name).map(([, value]) => value);
    }

    has(name: string): boolean {
      return this.#of(name).length > 0;
    }

    set(name: string, values: readonly Uint8Array[]): void {
      const [entries, bytes] = [this.#entries, this.#bytes];
      this.delete(name);
      try {
        for (const value of values) this.#add(name, value);
      } catch (error) {
        [this.#entries, this.#bytes] = [entries, bytes];
        throw error;
      }
    }

    delete(name: string): void {
      this.#check(name);
      const key = name.toLowerCase();
      this.#entries = this.#entries.filter(([each]) => each.toLowerCase() !== key);
      this.#bytes = this.#entries.reduce((sum, [each, value]) => sum + each.length + value.length, 0);
    }

    append(name: string, value: Uint8Array): void {
      this.#add(name, value);
    }

    entries(): Entry[] {
      return [...this.#entries];
    }

    clone(): Fields {
      const copy = new Fields();
      copy.#entries = [...this.#entries];
      copy.#bytes = this.#bytes;
      return copy;
    }

    #of(name: string): Entry[] {
      const key = name.toLowerCase();
      return this.#entries.filter(([each]) => each.toLowerCase() === key);
    }

    #add(name: string, value: Uint8Array): void {
      this.#check(name);
      if (!VALUE.test(Buffer.from(value).toString('latin1'))) throw headerError('invalid-syntax');
      this.#entries.push([name, value.slice()]);
      this.#bytes += name.length + value.length;
      if (this.#bytes > MAX_BYTES) {
        throw new RuntimeError('RUNTIME_TRAP', `wasi:http fields of more than ${MAX_BYTES} bytes`);
      }
    }

    #check(name: string): void {
      if (this.#immutable) throw headerError('immutable');
      if (!NAME.test(name)) throw headerError('invalid-syntax');
      if (FORBIDDEN.has(name.toLowerCase())) throw headerError('forbidden');
    }
  }

  const entriesOf = (fields: object): Entry[] => (fields as Fields).entries();
  return {
    Fields,
    received: (pairs) => make(pairs.map(([name, value]) => [name, Buffer.from(value, 'latin1')])),
    frozen: (fields) => make(entriesOf(fields)),
    pairsOf: (fields) => entriesOf(fields).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  };
}

function headerError(tag: HeaderError['tag']): HeaderError {
  return { tag };
}
