import type { Clock } from '#core/ports/clock';
import { ComponentTools, mcpHandler } from '#server/mcp';
import type { Runtime } from '#system';
import { dashboardRoutes } from '../dashboard-routes.ts';
import type { Authorize, InternalRoute, UpgradeRoute } from '../internal-routes.ts';
import { componentOperations } from './component-operations.ts';
import { EventStreams } from './event-stream.ts';
import type { Managed } from './managed.ts';
import { messageOperations } from './message-operations.ts';
import { Monitor } from './monitor.ts';
import { idOf } from './named.ts';
import { openApiOf } from './openapi.ts';
import { json, type Operation, routeOf } from './operation.ts';
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
}

/** The management API of a server with its dashboard: its routes, and the guard of those that need a token. */
export interface Management extends Disposable {
  readonly routes: readonly InternalRoute[];
  readonly upgrades: readonly UpgradeRoute[];
  readonly authorize: Authorize;
}

/** The number of streams of events at a time. */
const MOST_STREAMS = 64;

/** Makes the management API of a runtime. Nobody can use it without one of the tokens. */
export function management(runtime: Runtime, options: ManagementOptions): Management {
  const { tokens, clock, version, maxComponentBytes = 64 * 2 ** 20, maxMessageBytes = 16 * 2 ** 20 } = options;
  const monitor = new Monitor(runtime, clock);
  const managed: Managed = {
    runtime,
    monitor,
    clock,
    clientOf: (request) => clientOf(request, tokens()),
    maxComponentBytes,
    maxMessageBytes,
  };
  const operations: readonly Operation[] = [
    ...componentOperations(managed),
    ...messageOperations(managed),
    ...streamOperations(managed, new EventStreams(MOST_STREAMS, clock)),
    {
      method: 'GET',
      path: '/-/v1/metrics',
      scope: 'read',
      id: 'getMetrics',
      summary: 'Returns the counters of the artifact cache, the registry client and the messages.',
      answers: { 200: { description: 'The counters.', content: { 'application/json': { type: 'object' } } } },
      handle: () => json(runtime.metrics()),
    },
  ];
  const sockets = new Sockets(runtime, clock, options.sockets);
  const document = openApiOf(operations, version);
  const tools = new ComponentTools(runtime, () => runtime.components().map(({ handle }) => handle));
  const answerMcp = mcpHandler(tools, version);
  return {
    authorize: authorizeBy(tokens, clock),
    upgrades: [sockets.route((context) => runtime.find(idOf(context)))],
    routes: [
      ...dashboardRoutes(),
      ...operations.map(routeOf),
      { method: 'GET', path: '/-/openapi.json', scope: 'read', handler: () => json(document) },
      {
        method: '*',
        path: '/-/mcp',
        scope: 'call',
        handler: async (request) => (await answerMcp(request)) ?? problem(404, 'the SDK of MCP is not installed'),
      },
    ],
    [Symbol.dispose]: () => {
      sockets[Symbol.dispose]();
      monitor[Symbol.dispose]();
    },
  };
}
