import type { ComponentHandle } from '#core';
import type { LoadedComponentInfo, LoadOptions, ReplaceOptions } from '#system';
import type { InternalContext } from '../internal-routes.ts';
import { mediaType, objectOf, Refused } from './body.ts';
import type { Managed } from './managed.ts';
import { handleOf, idOf } from './named.ts';
import { json, type Operation } from './operation.ts';
import { recorded } from './recorded.ts';
import { COMPONENT, LOAD, LOG_LINES } from './schemas.ts';

const AT = '/-/v1/components/:namespace/:name/:instance';
/** What a client may say of a component that it loads. Folders of the host and implementations of imports are not among it. */
const OPTIONS = [
  'digest',
  'store',
  'metering',
  'cancel',
  'concurrency',
  'limits',
  'grants',
  'env',
  'args',
  'requests',
] as const;
const ONLY_AT_FIRST = ['mailbox', 'supervision'] as const;
const QUERY = [
  { name: 'grant', description: 'A grant; may be given several times.', schema: { type: 'string' } },
  { name: 'store', description: 'The store policy.', schema: { type: 'string', enum: ['per-call', 'per-actor'] } },
  { name: 'max-fuel', description: 'Fuel of each call.', schema: { type: 'string', pattern: '^[0-9]{1,19}$' } },
  { name: 'max-memory-bytes', description: 'Bytes of memory.', schema: { type: 'integer' } },
  { name: 'max-execution-time-ms', description: 'Milliseconds of each call.', schema: { type: 'integer' } },
];

/** The operations on components: list, inspect, load, replace and unload them. */
export function componentOperations(managed: Managed): readonly Operation[] {
  const { runtime } = managed;
  return [
    {
      method: 'GET',
      path: '/-/v1/components',
      scope: 'read',
      id: 'listComponents',
      summary: 'Lists all loaded components with their state and usage.',
      answers: {
        200: { description: 'The components.', content: { 'application/json': { type: 'array', items: COMPONENT } } },
      },
      handle: () => json(runtime.components().map((info) => shown(managed, info))),
    },
    {
      method: 'GET',
      path: AT,
      scope: 'read',
      id: 'getComponent',
      summary: 'Returns the state, usage, limits and grants of a component.',
      answers: { 200: { description: 'The component.', content: { 'application/json': COMPONENT } } },
      handle: (_, context) => json(shownOne(managed, handleOf(managed, context))),
    },
    {
      method: 'PUT',
      path: AT,
      scope: 'deploy',
      id: 'putComponent',
      summary: 'Loads a component under an id, or replaces the component that has the id between two of its turns.',
      query: QUERY,
      body: { 'application/wasm': {}, 'application/json': LOAD },
      answers: {
        200: { description: 'It was replaced.', content: { 'application/json': COMPONENT } },
        201: { description: 'It was loaded.', content: { 'application/json': COMPONENT } },
      },
      handle: (request, context) => put(managed, request, context),
    },
    {
      method: 'DELETE',
      path: AT,
      scope: 'deploy',
      id: 'deleteComponent',
      summary: 'Unloads a component after it has handled the messages in its mailbox.',
      answers: { 204: { description: 'It was unloaded.' } },
      handle: async (request, context) => {
        const handle = handleOf(managed, context);
        await recorded(managed, request, context, 'manage:unload', () => runtime.unload(handle, { drain: true }));
        return new Response(null, { status: 204 });
      },
    },
    {
      method: 'GET',
      path: `${AT}/logs`,
      scope: 'read',
      id: 'listLogLines',
      summary: 'Returns the last 200 lines that a component logged or printed.',
      answers: { 200: { description: 'The lines, oldest first.', content: { 'application/json': LOG_LINES } } },
      handle: (_, context) => json(managed.monitor.lines(handleOf(managed, context))),
    },
  ];
}

function put(managed: Managed, request: Request, context: InternalContext): Promise<Response> {
  const id = idOf(context);
  const type = mediaType(request);
  if (type === 'application/wasm') {
    const { searchParams } = new URL(request.url);
    return managed.components.whole(request, (source) =>
      deployed(managed, { source, options: optionsOfQuery(searchParams) }, id, request, context),
    );
  }
  if (type !== 'application/json') throw new Refused(415, 'the body must be application/wasm or application/json');
  return managed.settings.whole(request, (bytes) => deployed(managed, givenBy(objectOf(bytes)), id, request, context));
}

async function deployed(
  managed: Managed,
  { source, options }: Given,
  id: string,
  request: Request,
  context: InternalContext,
): Promise<Response> {
  const { runtime } = managed;
  const old = runtime.find(id);
  if (old === undefined) {
    const handle = await recorded(managed, request, context, 'manage:load', () =>
      runtime.load(source, { ...(options as LoadOptions), id, signal: request.signal }),
    );
    return json(shownOne(managed, handle), 201);
  }
  const fixed = ONLY_AT_FIRST.find((key) => Object.hasOwn(options, key));
  if (fixed !== undefined) throw new Refused(409, `${fixed} cannot be changed; unload the component first`);
  await recorded(managed, request, context, 'manage:replace', () =>
    runtime.replace(old, source, { ...(options as ReplaceOptions), signal: request.signal }),
  );
  return json(shownOne(managed, old));
}

type Given = { readonly source: string | Uint8Array; readonly options: Readonly<Record<string, unknown>> };

function givenBy({ source, ...options }: Readonly<Record<string, unknown>>): Given {
  // A path would let a client find out which files the server has.
  if (typeof source !== 'string' || !/^(?:registry:|https:)/.test(source)) {
    throw new Refused(
      400,
      'source must be registry:ID or an https: URL with #sha256=…; send bytes as application/wasm',
    );
  }
  const known: readonly string[] = [...OPTIONS, ...ONLY_AT_FIRST];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new Refused(400, `there is no option ${JSON.stringify(unknown.slice(0, 80))}; there are ${known.join(', ')}`);
  }
  return { source, options: { ...options, ...limitsOf(options.limits) } };
}

/** Fuel is a decimal string in JSON. */
function limitsOf(limits: unknown): Readonly<Record<string, unknown>> {
  if (typeof limits !== 'object' || limits === null) return {};
  const { maxFuel } = limits as { readonly maxFuel?: unknown };
  return typeof maxFuel === 'string' ? { limits: { ...limits, maxFuel: fuelOf(maxFuel) } } : {};
}

function optionsOfQuery(query: URLSearchParams): Readonly<Record<string, unknown>> {
  const fuel = query.get('max-fuel');
  const numbers = [
    ['maxMemoryBytes', query.get('max-memory-bytes')],
    ['maxExecutionTimeMs', query.get('max-execution-time-ms')],
  ] as const;
  const limits = Object.fromEntries(numbers.flatMap(([key, text]) => (text === null ? [] : [[key, Number(text)]])));
  const store = query.get('store');
  const grants = query.getAll('grant');
  return {
    ...(grants.length === 0 ? {} : { grants }),
    ...(store === null ? {} : { store }),
    ...(fuel === null && Object.keys(limits).length === 0
      ? {}
      : { limits: { ...limits, ...(fuel === null ? {} : { maxFuel: fuelOf(fuel) }) } }),
  };
}

function fuelOf(text: string): bigint {
  if (!/^\d{1,19}$/.test(text)) throw new Refused(400, 'fuel is a whole number, written as a decimal string');
  return BigInt(text);
}

function shownOne(managed: Managed, handle: ComponentHandle): unknown {
  const info = managed.runtime.components().find(({ handle: { handleId } }) => handleId === handle.handleId);
  if (info === undefined) throw new Refused(404, 'the component was unloaded');
  return shown(managed, info);
}

function shown({ runtime, monitor }: Managed, info: LoadedComponentInfo): unknown {
  const { handle, ...rest } = info;
  return { ...rest, grants: runtime.grants(handle), restarts: monitor.restarts(handle) };
}
