import type { Operation } from './operation.ts';

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

/** Generates the OpenAPI 3.1 document of the operations. */
export function openApiOf(operations: readonly Operation[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:([a-z]{1,30})/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: operationOf(operation) };
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

function operationOf({ id, summary, path, query = [], body, answers, scope }: Operation): Json {
  const inPath = [...path.matchAll(/:([a-z]{1,30})/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = query.map((parameter) => ({ ...parameter, in: 'query', required: false }));
  return {
    operationId: id,
    summary,
    description: `The token needs the scope \`${scope}\`.`,
    security: [{ token: [] }],
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
