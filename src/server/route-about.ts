/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

/** A parameter of an operation's query, as OpenAPI describes it. */
export interface QueryParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

/** What the OpenAPI document says of a route. */
export interface RouteAbout {
  /** Unique among all routes, in camelCase. */
  readonly id: string;
  readonly summary: string;
  readonly query?: readonly QueryParameter[];
  /** The schema of the body by its media type; undefined for operations without a body. */
  readonly body?: Readonly<Record<string, Schema>>;
  /** What a successful answer holds, by its status. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly content?: Readonly<Record<string, Schema>> }>
  >;
}

const TEXT: Schema = { type: 'string' };

/** Describes a route that answers 200 with a text of one type. */
export function answersText(id: string, summary: string, type = 'text/plain'): RouteAbout {
  return { id, summary, answers: { 200: { description: 'The text.', content: { [type]: TEXT } } } };
}
