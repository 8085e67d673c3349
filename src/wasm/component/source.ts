import type { ByteReader } from '../byte-reader.ts';
import { WasmError } from '../errors.ts';
import type { ReadBudget } from './budget.ts';

/** The bytes that are read, and the budget for reading them. */
export interface Source {
  readonly reader: ByteReader;
  readonly budget: ReadBudget;
}

export function readName({ reader, budget }: Source): string {
  const start = reader.offset;
  const name = reader.name();
  budget.name(reader.offset - start, start);
  budget.item(start);
  return name;
}

/** Reads the name of a core module's import or export, or of an item in a core instance. */
export function readCoreName(source: Source): string {
  const name = readName(source);
  source.budget.coreNames.add(name, source.reader.offset);
  return name;
}

/** Reads a vector: its count, then each item by `read`. */
export function readVector<T>({ reader, budget }: Source, read: () => T): T[] {
  const count = reader.count();
  const items: T[] = [];
  for (let index = 0; index < count; index++) {
    budget.item(reader.offset);
    items.push(read());
  }
  return items;
}

export function unsupported(what: string, offset: number): WasmError {
  return new WasmError(
    'WASM_UNSUPPORTED',
    `${what} at offset ${offset} is not a part of the component format that is supported here; ` +
      'build the component without it, or with tools of the component model that WASI 0.2 or 0.3 uses',
    { details: { offset } },
  );
}

export function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
