import { memberName } from '#runtime/names';
import { type ArgumentType, isTaggedOption } from './shape.ts';

/** A JSON Schema, version 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The most parts of one schema. Types that share parts are small graphs, but a schema is the tree that they stand for. Parts beyond
 * this are schemas that allow everything, since the arguments are checked against their types anyway.
 */
const MOST_PARTS = 2_000;

const INTEGERS: Readonly<Record<string, readonly [minimum: number, maximum: number]>> = {
  u8: [0, 0xff],
  s8: [-0x80, 0x7f],
  u16: [0, 0xffff],
  s16: [-0x8000, 0x7fff],
  u32: [0, 0xffff_ffff],
  s32: [-0x8000_0000, 0x7fff_ffff],
};
const NOT_FINITE = ['NaN', 'Infinity', '-Infinity'];
const NULL = { type: 'null' };

/**
 * Makes the JSON Schema of a type's values: of what `argumentsFromJson` takes as `input`, or of how a result is written in JSON as
 * `output`. Returns undefined for a type that has no JSON form, because it holds resources, streams, futures or maps.
 */
export function jsonSchemaOf(type: ArgumentType, direction: 'input' | 'output'): JsonSchema | undefined {
  const writer = new SchemaWriter(direction);
  const schema = writer.schema(type);
  return writer.isComplete ? schema : undefined;
}

class SchemaWriter {
  readonly #direction: 'input' | 'output';
  #parts = 0;
  isComplete = true;

  constructor(direction: 'input' | 'output') {
    this.#direction = direction;
  }

  schema(type: ArgumentType): JsonSchema {
    if (++this.#parts > MOST_PARTS) return {};
    const schema = this.#structure(type);
    return type.comments?.docs === undefined ? schema : { description: type.comments.docs, ...schema };
  }

  #structure(type: ArgumentType): JsonSchema {
    const { shape } = type;
    switch (shape.kind) {
      case 'bool':
        return { type: 'boolean' };
      case 'u64':
      case 's64':
        return this.#integer64(shape.kind);
      case 'f32':
      case 'f64':
        return { anyOf: [{ type: 'number' }, { enum: NOT_FINITE }] };
      case 'char':
        return { type: 'string', minLength: 1, maxLength: 1 };
      case 'string':
        return { type: 'string' };
      case 'list':
        return {
          type: 'array',
          items: this.schema(shape.element),
          ...(shape.length === undefined ? {} : { minItems: shape.length, maxItems: shape.length }),
        };
      case 'tuple': {
        const { length } = shape.elements;
        return {
          type: 'array',
          prefixItems: shape.elements.map((element) => this.schema(element)),
          minItems: length,
          maxItems: length,
        };
      }
      case 'record':
        return this.#object(shape.fields, type.comments?.items);
      case 'variant':
        return this.#cases(shape.cases, type.comments?.items);
      case 'result':
        return this.#cases([
          { name: 'ok', type: shape.ok },
          { name: 'err', type: shape.error },
        ]);
      case 'enum':
        return { type: 'string', enum: shape.labels };
      case 'flags':
        return {
          type: 'object',
          properties: Object.fromEntries(shape.labels.map((label) => [memberName(label), { type: 'boolean' }])),
          additionalProperties: false,
        };
      case 'option':
        if (!isTaggedOption(shape)) return { anyOf: [this.schema(shape.element), NULL] };
        return this.#cases([{ name: 'some', type: shape.element }, { name: 'none' }]);
      default: {
        const range = INTEGERS[shape.kind];
        if (range !== undefined) return { type: 'integer', minimum: range[0], maximum: range[1] };
        this.isComplete = false;
        return {};
      }
    }
  }

  #integer64(kind: 'u64' | 's64'): JsonSchema {
    const text = { type: 'string', pattern: kind === 'u64' ? '^[0-9]{1,20}$' : '^-?[0-9]{1,19}$' };
    if (this.#direction === 'output') return text;
    const minimum = kind === 'u64' ? 0 : Number.MIN_SAFE_INTEGER;
    return { anyOf: [{ type: 'integer', minimum, maximum: Number.MAX_SAFE_INTEGER }, text] };
  }

  #object(
    fields: readonly { readonly name: string; readonly type: ArgumentType }[],
    comments: ReadonlyMap<string, string> | undefined,
  ): JsonSchema {
    const properties = fields.map(({ name, type }) => {
      const schema = this.schema(type);
      const description = comments?.get(name);
      return [memberName(name), description === undefined ? schema : { ...schema, description }] as const;
    });
    const required = fields.filter(({ type }) => !isLeftOut(type)).map(({ name }) => memberName(name));
    return { type: 'object', properties: Object.fromEntries(properties), required, additionalProperties: false };
  }

  #cases(
    cases: readonly { readonly name: string; readonly type?: ArgumentType | undefined }[],
    comments?: ReadonlyMap<string, string>,
  ): JsonSchema {
    const oneOf = cases.map(({ name, type }) => {
      const tag = { const: name };
      const description = comments?.get(name);
      return {
        ...(description === undefined ? {} : { description }),
        type: 'object',
        properties: type === undefined ? { tag } : { tag, val: this.schema(type) },
        required: type === undefined || isLeftOut(type) ? ['tag'] : ['tag', 'val'],
        additionalProperties: false,
      };
    });
    return { oneOf };
  }
}

/** Whether JSON may leave a value out, because it is an option whose "none" is undefined. */
export function isLeftOut({ shape }: ArgumentType): boolean {
  return shape.kind === 'option' && !isTaggedOption(shape);
}
