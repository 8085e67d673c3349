import type { coreModule } from '#wasm';

/** V8 on 64 bits without pointer compression, as Node is built, aligns objects to eight bytes. */
const WORD = 8;
/** An object starts with its map and its properties; an array has another word for its length. */
const STRUCT_HEADER = 2 * WORD;
const ARRAY_HEADER = 3 * WORD;
const LARGEST_ELEMENT = 16;
/** An array's header and its largest possible padding, for arrays whose length is known only at run time. */
export const ARRAY_BASE: number = ARRAY_HEADER + WORD - 1;

/**
 * The bytes that V8 allocates for a struct, or for an array of `length` elements. Each field is aligned to its size, up
 * to a word. V8 may fill gaps with later fields and then allocates less.
 */
export function objectBytes(type: coreModule.DefinedType | undefined, length = 0): number {
  if (type?.kind !== 'struct') return ARRAY_HEADER + aligned(length * elementBytes(type), WORD);
  let end = STRUCT_HEADER;
  for (const { size } of type.fields) end = aligned(end, Math.min(size, WORD)) + size;
  return aligned(end, WORD);
}

/** The size of an array's element in bytes. */
export function elementBytes(type: coreModule.DefinedType | undefined): number {
  return type?.kind === 'array' ? type.element.size : LARGEST_ELEMENT;
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to;
}

/** The bytes of an exception: V8 keeps its payload as an array of small integers, two for each four bytes. */
export function exceptionBytes(type: coreModule.FunctionType): number {
  return 64 + type.parameters.reduce((sum, { size }) => sum + 4 * size, 0);
}

/** The bytes of one table entry: a function reference is a structure, any other reference a pointer. */
export function entryBytes(element: coreModule.ValueType): number {
  const code = element.bytes[0] as number;
  const heap = code === 0x63 || code === 0x64 ? (element.bytes[1] as number) : code;
  const isFunction = heap === 0x70 || heap === 0x73 || (code !== heap && heap < 0x40) || heap >= 0x80;
  return isFunction ? 32 : 8;
}
