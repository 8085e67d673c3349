import type { PrimitiveType, TypeComments } from '#wasm';

/** The structure of a value's type; `P` stands for the types of its parts. */
export type Shape<P> =
  | { readonly kind: PrimitiveType }
  | { readonly kind: 'record'; readonly fields: readonly { readonly name: string; readonly type: P }[] }
  | { readonly kind: 'variant'; readonly cases: readonly { readonly name: string; readonly type?: P | undefined }[] }
  | { readonly kind: 'list'; readonly element: P; readonly length?: number | undefined }
  | { readonly kind: 'map'; readonly key: P; readonly element: P }
  | { readonly kind: 'tuple'; readonly elements: readonly P[] }
  | { readonly kind: 'flags' | 'enum'; readonly labels: readonly string[] }
  | { readonly kind: 'option'; readonly element: P }
  | { readonly kind: 'result'; readonly ok?: P | undefined; readonly error?: P | undefined }
  | { readonly kind: 'own' | 'borrow'; readonly resource: string }
  | { readonly kind: 'stream' | 'future'; readonly element?: P | undefined };

/** A value's type. Equal parts may be one object, so that a small graph can stand for a huge tree. */
export interface ArgumentType {
  readonly shape: Shape<ArgumentType>;
  /** The comments of the type in its WIT, if the component carries comments. */
  readonly comments?: TypeComments | undefined;
}

/**
 * Whether an option's values carry a tag, because its "none" would otherwise look like the "none" of the option inside it.
 * Of nested options every second one carries tags, counted from the innermost.
 */
export function isTaggedOption({ element }: Extract<Shape<ArgumentType>, { kind: 'option' }>): boolean {
  return element.shape.kind === 'option' && !isTaggedOption(element.shape);
}

/** The same structure with every part replaced. */
export function mapShape<P, Q>(shape: Shape<P>, each: (part: P) => Q): Shape<Q> {
  const optional = (part: P | undefined): Q | undefined => (part === undefined ? undefined : each(part));
  switch (shape.kind) {
    case 'record':
      return { kind: 'record', fields: shape.fields.map(({ name, type }) => ({ name, type: each(type) })) };
    case 'variant':
      return { kind: 'variant', cases: shape.cases.map(({ name, type }) => ({ name, type: optional(type) })) };
    case 'list':
      return { kind: 'list', element: each(shape.element), length: shape.length };
    case 'map':
      return { kind: 'map', key: each(shape.key), element: each(shape.element) };
    case 'tuple':
      return { kind: 'tuple', elements: shape.elements.map(each) };
    case 'option':
      return { kind: 'option', element: each(shape.element) };
    case 'result':
      return { kind: 'result', ok: optional(shape.ok), error: optional(shape.error) };
    case 'stream':
    case 'future':
      return { kind: shape.kind, element: optional(shape.element) };
    case 'flags':
    case 'enum':
      return { kind: shape.kind, labels: shape.labels };
    case 'own':
    case 'borrow':
      return { kind: shape.kind, resource: shape.resource };
    default:
      return { kind: shape.kind };
  }
}
