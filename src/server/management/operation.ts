import { boundedJson } from '#core/text';
import type { InternalContext, InternalRoute } from '../internal-routes.ts';
import type { RouteAbout } from '../route-about.ts';
import { Refused } from './body.ts';
import { problem, problemOf } from './problem.ts';
import type { Scope } from './tokens.ts';

/** One operation of the API: its route, and what the document generated from all of them says of it. */
export interface Operation extends RouteAbout {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A path whose parameters are written as `:name`. */
  readonly path: string;
  readonly scope: Scope;
  readonly handle: (request: Request, context: InternalContext) => Response | Promise<Response>;
}

/** The largest answer in characters; one of 1,000 components takes about a tenth. */
const MOST_OF_ANSWER = 8 * 2 ** 20;

/** Makes the route of an operation, which answers errors in the form of RFC 9457. */
export function routeOf(operation: Operation): InternalRoute {
  const { method, path, scope, query = [], handle } = operation;
  const allowed = new Set(query.map(({ name }) => name));
  return {
    method,
    path,
    scope,
    about: operation,
    handler: orRefused((request, context) => {
      const unknown = [...new URL(request.url).searchParams.keys()].find((name) => !allowed.has(name));
      if (unknown !== undefined) {
        throw new Refused(400, `there is no parameter ${JSON.stringify(unknown.slice(0, 80))} here`);
      }
      return handle(request, context);
    }),
  };
}

/** Makes a handler that answers errors in the form of RFC 9457. */
export function orRefused(handle: Operation['handle']): InternalRoute['handler'] {
  return async (request, context) => {
    try {
      return await handle(request, context);
    } catch (error) {
      return error instanceof Refused ? error.response : problemOf(error);
    }
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
