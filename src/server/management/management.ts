import type { Clock } from '#core/ports/clock';
import { ComponentTools, mcpHandler } from '#server/mcp';
import type { Runtime } from '#system';
import { dashboardRoutes } from '../dashboard-routes.ts';
import type { Authorize, InternalRoute, UpgradeRoute } from '../internal-routes.ts';
import { answersText, type RouteAbout } from '../route-about.ts';
import { WholeBodies } from './body.ts';
import { componentOperations } from './component-operations.ts';
import { EventStreams } from './event-stream.ts';
import { listOperations } from './list-operations.ts';
import type { Managed } from './managed.ts';
import { messageOperations } from './message-operations.ts';
import { Monitor } from './monitor.ts';
import { idOf } from './named.ts';
import { openApiOf } from './openapi.ts';
import { json, type Operation, orRefused, routeOf } from './operation.ts';
import { problem } from './problem.ts';
import { type SocketOptions, Sockets } from './sockets.ts';
import { streamOperations } from './stream-operations.ts';
import { authorizeBy, clientOf, type TokenSettings } from './tokens.ts';

export interface ManagementOptions {
  /** Returns the tokens that are valid now. */
  readonly tokens: () => readonly TokenSettings[];
  readonly clock: Clock;
  /** The version that the API says it has. */
  readonly version: string;
  /** The largest component that a client may send, in bytes; 64 MiB by default. */
  readonly maxComponentBytes?: number | undefined;
  /** The largest message that a client may send, in bytes; 16 MiB by default. */
  readonly maxMessageBytes?: number | undefined;
  readonly sockets?: SocketOptions | undefined;
  /** Further routes of the server, which the OpenAPI document has too. */
  readonly beside?: readonly InternalRoute[] | undefined;
}

/** The management API of a server with its dashboard: its routes, and the guard of those that need a token. */
export interface Management extends Disposable {
  readonly routes: readonly InternalRoute[];
  readonly upgrades: readonly UpgradeRoute[];
  readonly authorize: Authorize;
  /** The WebSockets of actors. */
  readonly sockets: Sockets;
}

/** The route of MCP, of which the protocol itself says the rest. */
const MCP: RouteAbout = {
  id: 'mcp',
  summary: 'MCP over streamable HTTP: the functions of all components as tools.',
  body: { 'application/json': { type: 'object' } },
  answers: {
    200: { description: 'An answer of JSON-RPC.', content: { 'application/json': {}, 'text/event-stream': {} } },
    202: { description: 'The notification was taken.' },
  },
};

/** The largest description of a component in JSON, and the largest request of MCP, in bytes. */
const MOST_OF_JSON = 2 ** 20;
const MOST_OF_CALL = 8 * 2 ** 20;
/** The number of streams of events at a time. */
const MOST_STREAMS = 64;

/** Makes the management API of a runtime. Nobody can use it without one of the tokens. */
export function management(runtime: Runtime, options: ManagementOptions): Management {
  const { tokens, clock, version, beside = [] } = options;
  const { maxComponentBytes = 64 * 2 ** 20, maxMessageBytes = 16 * 2 ** 20 } = options;
  const monitor = new Monitor(runtime, clock);
  const managed: Managed = {
    runtime,
    monitor,
    clock,
    clientOf: (request) => clientOf(request, tokens()),
    components: new WholeBodies(maxComponentBytes),
    settings: new WholeBodies(MOST_OF_JSON, 16 * MOST_OF_JSON),
    messages: new WholeBodies(maxMessageBytes),
  };
  const streams = new EventStreams(MOST_STREAMS, clock);
  const operations: readonly Operation[] = [
    ...componentOperations(managed),
    ...messageOperations(managed),
    ...streamOperations(managed, streams),
    ...listOperations(managed),
  ];
  const sockets = new Sockets(runtime, clock, options.sockets);
  const tools = new ComponentTools(runtime, () => runtime.components().map(({ handle }) => handle));
  const answerMcp = mcpHandler(tools, version, MOST_OF_CALL);
  const calls = new WholeBodies(MOST_OF_CALL);
  const upgrades = [sockets.route((context) => runtime.find(idOf(context)))];
  const routes: InternalRoute[] = [
    ...beside,
    ...dashboardRoutes(),
    ...operations.map(routeOf),
    {
      method: 'GET',
      path: '/-/openapi.json',
      scope: 'read',
      about: answersText('getDocument', 'This document.', 'application/json'),
      handler: () => json(document),
    },
    {
      method: '*',
      path: '/-/mcp',
      scope: 'call',
      about: MCP,
      handler: orRefused(async (request) => {
        const answer =
          request.body === null
            ? answerMcp(request)
            : calls.whole(request, (body) => answerMcp(new Request(request, { body })));
        return (await answer) ?? problem(404, 'the SDK of MCP is not installed');
      }),
    },
  ];
  const document = openApiOf(routes, upgrades, version);
  return {
    authorize: authorizeBy(tokens, clock),
    upgrades,
    routes,
    sockets,
    [Symbol.dispose]: () => {
      streams[Symbol.dispose]();
      sockets[Symbol.dispose]();
      monitor[Symbol.dispose]();
    },
  };
}
