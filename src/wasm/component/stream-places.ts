import type { Extern, FuncType, ValueType, World } from './types.ts';

/**
 * Where the functions of a world have streams and futures, in the words of WIT: `import acme:files/disk#read: stream<u8> in its result`,
 * `export count: stream in its parameter input`.
 */
export function streamPlaces({ imports, exports }: World): readonly string[] {
  return [...placesIn('import', imports), ...placesIn('export', exports)];
}

function placesIn(direction: 'import' | 'export', externs: readonly Extern[], within = ''): readonly string[] {
  return externs.flatMap(({ name, type }) => {
    if (type.kind === 'instance') return placesIn(direction, type.exports, `${name}#`);
    return type.kind === 'func' ? placesOf(type).map((place) => `${direction} ${within}${name}: ${place}`) : [];
  });
}

function placesOf({ params, result }: FuncType): readonly string[] {
  const parts = [
    ...params.map(({ name, type }) => ({ where: `in its parameter ${name}`, type })),
    ...(result === undefined ? [] : [{ where: 'in its result', type: result }]),
  ];
  return parts.flatMap(({ where, type }) => {
    const found = streamIn(type);
    return found === undefined ? [] : [`${found} ${where}`];
  });
}

/** The first stream or future in a type, as WIT writes it. */
function streamIn(type: ValueType): string | undefined {
  switch (type.kind) {
    case 'stream':
    case 'future':
      return type.element === undefined ? type.kind : `${type.kind}<${shown(type.element)}>`;
    case 'record':
      return first(type.fields.map((field) => field.type));
    case 'variant':
      return first(type.cases.map((each) => each.type));
    case 'tuple':
      return first(type.elements);
    case 'list':
    case 'option':
      return streamIn(type.element);
    case 'map':
      return first([type.key, type.element]);
    case 'result':
      return first([type.ok, type.error]);
    default:
      return undefined;
  }
}

function first(types: readonly (ValueType | undefined)[]): string | undefined {
  for (const type of types) {
    const found = type === undefined ? undefined : streamIn(type);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Types have no names here, so that one with parts is shown by its kind. */
function shown(type: ValueType): string {
  return 'element' in type || 'fields' in type || 'cases' in type || 'elements' in type ? `${type.kind} …` : type.kind;
}
