import type { coreModule } from '#wasm';

/** What V8 allocates for an object: a header, and its fields or elements. */
export function objectBytes(type: coreModule.DefinedType | undefined, length = 0): number {
  if (type?.kind === 'struct') return 16 + type.fields.reduce((sum, { size }) => sum + size, 0);
  return 16 + length * (type?.kind === 'array' ? type.element.size : 16);
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
