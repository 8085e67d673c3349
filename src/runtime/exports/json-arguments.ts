import { parseForeignJson } from '#core/text';
import { memberName } from '#runtime/names';
import { RuntimeError } from '../errors.ts';
import type { ExportedFunction } from './exported-function.ts';
import { Refusal } from './refusal.ts';
import { type ArgumentType, isTaggedOption } from './shape.ts';

/**
 * Reads arguments from a JSON array. A 64-bit integer may be a decimal string, and a float may be `"NaN"`, `"Infinity"` or
 * `"-Infinity"`. A number that JavaScript cannot hold exactly is refused where a 64-bit integer is expected. The check of
 * arguments says later whether the rest fits.
 * @throws {RuntimeError} `RUNTIME_INVALID_ARGUMENT`
 */
export function argumentsFromJson({ params }: ExportedFunction, json: string): readonly unknown[] {
  const values = parsed(json);
  return values.map((value, index) => {
    const type = params[index]?.type;
    try {
      return type === undefined ? plain(value) : converted(type, value);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new RuntimeError('RUNTIME_INVALID_ARGUMENT', error.inArgument(index + 1), {
        details: { argument: index + 1 },
      });
    }
  });
}

/** Bounds of the text: a component's memory could hold no more than this. */
const BOUNDS = { maxLength: 256 * 2 ** 20, maxItems: 4_000_000, maxDepth: 200 };

/** The source text of a number that JavaScript cannot hold exactly. */
class Inexact {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

function parsed(json: string): readonly unknown[] {
  let values: unknown;
  try {
    values = parseForeignJson(json, BOUNDS, (_, value, context) =>
      typeof value === 'number' && !isExact(value) ? new Inexact(context?.source ?? String(value)) : value,
    );
  } catch (cause) {
    throw new RuntimeError(
      'RUNTIME_INVALID_ARGUMENT',
      `the arguments are not JSON; write one array of all, as '[1, "two"]'`,
      { cause },
    );
  }
  if (Array.isArray(values)) return values;
  throw new RuntimeError(
    'RUNTIME_INVALID_ARGUMENT',
    'the arguments are not a JSON array; write one array of all, as \'[1, "two"]\'',
  );
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (Number.isSafeInteger(value) || !Number.isInteger(value));
}

/** Converts the parts of a value that has the shape of its type, and leaves every other value as it is. */
function converted(type: ArgumentType, value: unknown): unknown {
  const { shape } = type;
  const at = (step: string | number, part: ArgumentType | undefined, held: unknown): unknown => {
    try {
      return part === undefined ? plain(held) : converted(part, held);
    } catch (error) {
      throw error instanceof Refusal ? error.inside(step) : error;
    }
  };
  switch (shape.kind) {
    case 'u64':
    case 's64':
      if (typeof value === 'string' && /^-?[0-9]{1,20}$/.test(value)) return BigInt(value);
      if (value instanceof Inexact)
        throw new Refusal(`the number ${value.source} would lose digits; write it as a string, "${value.source}"`);
      return value;
    case 'f32':
    case 'f64':
      if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value);
      if (value instanceof Inexact && !Number.isFinite(Number(value.source)))
        throw new Refusal(`the number ${value.source} is too large`);
      return plain(value);
    case 'list':
      return Array.isArray(value) ? value.map((item, index) => at(index, shape.element, item)) : plain(value);
    case 'tuple':
      return Array.isArray(value) ? value.map((item, index) => at(index, shape.elements[index], item)) : plain(value);
    case 'map':
      return isPlainObject(value)
        ? new Map(Object.entries(value).map(([key, held]) => [converted(shape.key, key), at(key, shape.element, held)]))
        : plain(value);
    case 'record': {
      if (!isPlainObject(value)) return plain(value);
      const types = new Map(shape.fields.map((field) => [memberName(field.name), field.type]));
      return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, at(key, types.get(key), held)]));
    }
    case 'option':
      if (!isTaggedOption(shape)) return value === null ? value : converted(shape.element, value);
      return payload(value, (tag) => (tag === 'some' ? shape.element : undefined), at);
    case 'result':
      return payload(value, (tag) => (tag === 'ok' ? shape.ok : shape.error), at);
    case 'variant':
      return payload(value, (tag) => shape.cases.find(({ name }) => name === tag)?.type, at);
    default:
      return plain(value);
  }
}

function payload(
  value: unknown,
  typeOf: (tag: unknown) => ArgumentType | undefined,
  at: (step: string, type: ArgumentType | undefined, held: unknown) => unknown,
): unknown {
  if (!isPlainObject(value) || !Object.hasOwn(value, 'val')) return plain(value);
  return { ...value, val: at('val', typeOf(value.tag), value.val) };
}

/** Turns an `Inexact` back into a number, so that no object of ours stays in a value of which no type is known. */
function plain(value: unknown): unknown {
  return value instanceof Inexact ? Number(value.source) : value;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Inexact);
}
