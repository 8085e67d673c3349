import type { coreModule } from '#wasm';

/** V8 on 64 bits without compressed pointers, as Node is built: objects begin and end at multiples of eight bytes. */
const WORD = 8;
/** Map and properties; an array has its length in a word of its own. */
const STRUCT_HEADER = 2 * WORD;
const ARRAY_HEADER = 3 * WORD;
const LARGEST_ELEMENT = 16;
/** An array's header and what its end is filled up with at most, for lengths that are known when it is made. */
export const ARRAY_BASE: number = ARRAY_HEADER + WORD - 1;

/**
 * What V8 allocates for a struct, or for an array of so many elements. Fields lie one behind the other, each at a multiple of
 * its size up to a word; V8 may fill gaps with later fields and then takes less.
 */
export function objectBytes(type: coreModule.DefinedType | undefined, length = 0): number {
  if (type?.kind !== 'struct') return ARRAY_HEADER + aligned(length * elementBytes(type), WORD);
  let end = STRUCT_HEADER;
  for (const { size } of type.fields) end = aligned(end, Math.min(size, WORD)) + size;
  return aligned(end, WORD);
}

/** Bytes of an array's element. */
export function elementBytes(type: coreModule.DefinedType | undefined): number {
  return type?.kind === 'array' ? type.element.size : LARGEST_ELEMENT;
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

/** An exception's payload is kept as an array of small integers: two for each four bytes. */
export function exceptionBytes(type: coreModule.FunctionType): number {
  return 64 + type.parameters.reduce((sum, { size }) => sum + 4 * size, 0);
}

/** Bytes that V8 takes for a table's entry: a function reference is a structure, another a compressed pointer. */
export function entryBytes(element: coreModule.ValueType): number {
  const code = element.bytes[0] as number;
  const heap = code === 0x63 || code === 0x64 ? (element.bytes[1] as number) : code;
  const isFunction = heap === 0x70 || heap === 0x73 || (code !== heap && heap < 0x40) || heap >= 0x80;
  return isFunction ? 32 : 8;
}
