import type { InternalRoute, UpgradeRoute } from '../internal-routes.ts';
import type { RouteAbout } from '../route-about.ts';

type Json = Readonly<Record<string, unknown>>;

const PROBLEM: Json = {
  type: 'object',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'An error code of Vivarium, as docs/errors.md lists them.' },
    detail: { type: 'string' },
  },
  required: ['type', 'title', 'status', 'detail'],
};

const PARAMETER = /:([a-z]{1,30})(?:\(\.\*\))?/g;
/** The methods of a route for all methods that the document has. */
const ALL_METHODS = ['get', 'post', 'delete'];

/** Generates the OpenAPI 3.1 document of all routes that say what they are. */
export function openApiOf(routes: readonly InternalRoute[], upgrades: readonly UpgradeRoute[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const { path, scope, about, method } of [...routes, ...upgrades.map((route) => ({ ...route, method: 'GET' }))]) {
    if (about === undefined) continue;
    const methods = method === '*' ? ALL_METHODS : [method.toLowerCase()];
    const at = documented(path);
    for (const each of methods) {
      const id = methods.length === 1 ? about.id : `${about.id}${each[0]?.toUpperCase()}${each.slice(1)}`;
      paths[at] = { ...paths[at], [each]: operationOf(path, scope, { ...about, id }) };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Vivarium',
      version,
      description: 'Manages the components of a server, and reaches its actors.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      schemas: { Problem: PROBLEM },
      responses: {
        Problem: {
          description: 'What went wrong, in the form of RFC 9457.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

/** A path in the syntax of OpenAPI, which has no form for a parameter of several segments. */
function documented(path: string): string {
  return path.replace(PARAMETER, '{$1}');
}

function operationOf(
  path: string,
  scope: string | undefined,
  { id, summary, query = [], body, answers }: RouteAbout,
): Json {
  const inPath = [...path.matchAll(PARAMETER)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = query.map((parameter) => ({ ...parameter, in: 'query', required: false }));
  return {
    operationId: id,
    summary,
    description: scope === undefined ? 'Anybody may ask.' : `The token needs the scope \`${scope}\`.`,
    security: scope === undefined ? [] : [{ token: [] }],
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, content }]) => [
          status,
          { description, ...(content === undefined ? {} : { content: contentOf(content) }) },
        ]),
      ),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function contentOf(schemas: Readonly<Record<string, Json>>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, { schema }]));
}
