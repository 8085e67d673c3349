import { isConnectionHeader } from '#core/ports/network';
import type { HostState } from '#runtime/host';
import { RuntimeError } from '../../errors.ts';
import { HostCharge } from '../host-charge.ts';

/** The syntax of a name (RFC 9110, section 5.6.2), and the bytes that a value may have. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The most bytes of all names and values together. Servers usually refuse less than this. */
const MAX_BYTES = 64 * 1024;

/** What an entry costs besides its text: two strings and their pair. */
const ENTRY_BYTES = 128;

/** `wasi:http/types.header-error`. */
type HeaderError = { readonly tag: 'invalid-syntax' | 'forbidden' | 'immutable' | 'size-exceeded' };

/** A class of fields: that of WASI 0.2, or that of a later version, which extends it. */
type FieldsClass = new (caller: HostState) => Fields;

/** A name and its value. Each character stands for one byte. */
type Pair = readonly [name: string, value: string];

export type HeaderPairs = readonly Pair[];

/** How many bytes it costs to keep pairs. */
export const costOf = (pairs: HeaderPairs): number =>
  pairs.reduce((sum, [name, value]) => sum + ENTRY_BYTES + name.length + value.length, 0);

/** What fields throw that are too large. It is a symbol, because a guest may call any method that has a name. */
export const TOO_LARGE: unique symbol = Symbol('too large');

let make: (caller: HostState, pairs: HeaderPairs, type: FieldsClass) => Fields;
/** Returns the present fields in the form that the host's HTTP takes. Only the host can call it, because it is no method. */
let pairsOf: (fields: object) => HeaderPairs;

/** `wasi:http/types#fields`: headers or trailers. Names are compared in lower case. */
export class Fields {
  readonly #charge: HostCharge;
  #pairs: Pair[] = [];
  #bytes = 0;
  #immutable = false;

  constructor(caller: HostState) {
    this.#charge = new HostCharge(caller);
  }

  static {
    make = (caller, pairs, type) => {
      const fields = new type(caller);
      fields.#charge.must(costOf(pairs));
      fields.#pairs = [...pairs];
      fields.#immutable = true;
      return fields;
    };
    pairsOf = (fields) => (fields as Fields).#pairs;
  }

  static fromList(
    caller: HostState,
    entries: readonly (readonly [string, Uint8Array])[],
    type: FieldsClass = Fields,
  ): Fields {
    const fields = new type(caller);
    try {
      for (const [name, value] of entries) fields.#add(name, value);
      return fields;
    } catch (error) {
      // The guest gets no handle by which it could drop the fields.
      fields[Symbol.dispose]();
      throw error;
    }
  }

  get(_: HostState, name: string): Uint8Array[] {
    return this.#of(name).map(([, value]) => bytesOf(value));
  }

  has(_: HostState, name: string): boolean {
    return this.#of(name).length > 0;
  }

  set(caller: HostState, name: string, values: readonly Uint8Array[]): void {
    this.#check(name);
    const texts = values.map(textOf);
    this.delete(caller, name);
    for (const text of texts) this.#keep(name, text);
  }

  delete(_: HostState, name: string): void {
    this.#check(name);
    const key = name.toLowerCase();
    const kept: Pair[] = [];
    for (const pair of this.#pairs) {
      if (pair[0].toLowerCase() !== key) kept.push(pair);
      else {
        this.#bytes -= pair[0].length + pair[1].length;
        this.#charge.giveBack(costOf([pair]));
      }
    }
    this.#pairs = kept;
  }

  append(_: HostState, name: string, value: Uint8Array): void {
    this.#add(name, value);
  }

  entries(): [string, Uint8Array][] {
    return this.#pairs.map(([name, value]) => [name, bytesOf(value)]);
  }

  clone(caller: HostState): Fields {
    const copy = new (this.constructor as FieldsClass)(caller);
    copy.#charge.must(costOf(this.#pairs));
    copy.#pairs = [...this.#pairs];
    copy.#bytes = this.#bytes;
    return copy;
  }

  [Symbol.dispose](): void {
    this.#pairs = [];
    this.#charge.end();
  }

  /** What is thrown for fields that are too large: WASI 0.2 has no case for it, so that the store ends. */
  [TOO_LARGE](): unknown {
    return new RuntimeError('RUNTIME_TRAP', `wasi:http fields of more than ${MAX_BYTES} bytes`);
  }

  #of(name: string): Pair[] {
    const key = name.toLowerCase();
    return this.#pairs.filter(([each]) => each.toLowerCase() === key);
  }

  #add(name: string, value: Uint8Array): void {
    this.#check(name);
    this.#keep(name, textOf(value));
  }

  #keep(name: string, value: string): void {
    this.#charge.must(costOf([[name, value]]));
    this.#pairs.push([name, value]);
    this.#bytes += name.length + value.length;
    if (this.#bytes > MAX_BYTES) {
      this.#pairs.pop();
      this.#bytes -= name.length + value.length;
      this.#charge.giveBack(costOf([[name, value]]));
      throw this[TOO_LARGE]();
    }
  }

  #check(name: string): void {
    if (this.#immutable) throw headerError('immutable');
    if (!NAME.test(name)) throw headerError('invalid-syntax');
    if (isConnectionHeader(name.toLowerCase())) throw headerError('forbidden');
  }
}

/**
 * Makes immutable fields of received headers or trailers, without those of the connection: a guest may copy the fields and send
 * the copy on, and must not tell another connection where its messages end.
 */
export function receivedFields(caller: HostState, pairs: HeaderPairs, type: FieldsClass = Fields): Disposable {
  return make(
    caller,
    pairs.filter(([name]) => !isConnectionHeader(name.toLowerCase())),
    type,
  );
}

/** Makes an immutable copy. */
export function frozenFields(caller: HostState, fields: object): Disposable {
  return make(caller, pairsOf(fields), fields.constructor as FieldsClass);
}

/** Drops fields that a guest handed over. */
export function disposeFields(fields: object): void {
  (fields as Fields)[Symbol.dispose]();
}

export { pairsOf };

function textOf(value: Uint8Array): string {
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('latin1');
  if (!VALUE.test(text)) throw headerError('invalid-syntax');
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

function headerError(tag: HeaderError['tag']): HeaderError {
  return { tag };
}
