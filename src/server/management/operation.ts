import { boundedJson } from '#core/text';
import type { InternalContext, InternalRoute } from '../internal-routes.ts';
import { Refused } from './body.ts';
import { problem, problemOf } from './problem.ts';
import type { Scope } from './tokens.ts';

type Schema = Readonly<Record<string, unknown>>;

/** A parameter of an operation's query, as OpenAPI describes it. */
export interface QueryParameter {
  readonly name: string;
  readonly description: string;
  readonly schema: Schema;
}

/** One operation of the API: its route, and what the document generated from all of them says of it. */
export interface Operation {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A path whose parameters are written as `:name`. */
  readonly path: string;
  readonly scope: Scope;
  /** Unique among all operations, in camelCase. */
  readonly id: string;
  readonly summary: string;
  readonly query?: readonly QueryParameter[];
  /** The schema of the body by its media type; undefined for operations without a body. */
  readonly body?: Readonly<Record<string, Schema>>;
  /** What a successful answer holds, by its status. */
  readonly answers: Readonly<
    Record<number, { readonly description: string; readonly content?: Readonly<Record<string, Schema>> }>
  >;
  readonly handle: (request: Request, context: InternalContext) => Response | Promise<Response>;
}

/** The largest answer in characters; one of 1,000 components takes about a tenth. */
const MOST_OF_ANSWER = 8 * 2 ** 20;

/** Makes the route of an operation, which answers errors in the form of RFC 9457. */
export function routeOf({ method, path, scope, query = [], handle }: Operation): InternalRoute {
  const allowed = new Set(query.map(({ name }) => name));
  return {
    method,
    path,
    scope,
    handler: async (request, context) => {
      try {
        const unknown = [...new URL(request.url).searchParams.keys()].find((name) => !allowed.has(name));
        if (unknown !== undefined) {
          throw new Refused(400, `there is no parameter ${JSON.stringify(unknown.slice(0, 80))} here`);
        }
        return await handle(request, context);
      } catch (error) {
        return error instanceof Refused ? error.response : problemOf(error);
      }
    },
  };
}

/** Makes a response of JSON, with 64-bit integers as decimal strings. */
export function json(value: unknown, status = 200): Response {
  const text = boundedJson(value, MOST_OF_ANSWER);
  if (text === undefined) return problem(500, 'the answer is too large');
  return new Response(text, { status, headers: { 'content-type': 'application/json', ...NEVER_A_PAGE } });
}

/** Headers of answers that a browser must neither keep nor take for a page. */
export const NEVER_A_PAGE: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
};
