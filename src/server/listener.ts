import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { HttpServerOptions } from './http-server-options.ts';
import type { Outgoing } from './outgoing.ts';
import type { Incoming } from './request-head.ts';

export type Listener = Server | Http2SecureServer;
export type OnRequest = (incoming: Incoming, outgoing: Outgoing) => void;

/** The number of connections at a time, unless the options say another. */
export const MAX_CONNECTIONS = 1_000;
const MAX_HEADERS = 100;
const MAX_STREAMS = 100;
/** Streams that a client may reset at once, and further ones a second, before its session ends. */
const RESETS = { burst: 100, aSecond: 20 } as const;

/** Makes the server of Node: of HTTP/1.1 without a certificate, of HTTP/1.1 and 2 with one. */
export function createListener(
  options: HttpServerOptions,
  takesUpgrade: (incoming: IncomingMessage) => boolean,
  onRequest: OnRequest,
): Listener {
  const { headersTimeoutMs = 10_000, requestTimeoutMs = 60_000, idleTimeoutMs = 60_000, tls } = options;
  const maxHeaderSize = options.maxHeaderBytes ?? 16 * 1024;
  const http1 = {
    maxHeaderSize,
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    // Node would cut a body off that comes without a pause. `limitBodyTime` looks at how it moves.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
    requireHostHeader: true,
    // A proxy and this server must agree on where a message ends; otherwise, requests could be smuggled.
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
    noDelay: true,
    keepAliveTimeout: idleTimeoutMs,
    // A request to upgrade for which there is no route is answered like any other, as the standard says.
    shouldUpgradeCallback: takesUpgrade,
  };
  let server: Listener;
  if (tls === undefined) {
    server = createServer(http1, onRequest as (incoming: IncomingMessage, outgoing: ServerResponse) => void);
    server.timeout = idleTimeoutMs;
  } else {
    server = createSecureServer(
      {
        ...http1,
        ...tls,
        allowHTTP1: true,
        minVersion: 'TLSv1.2',
        handshakeTimeout: headersTimeoutMs,
        unknownProtocolTimeout: headersTimeoutMs,
        maxHeaderListPairs: MAX_HEADERS,
        maxSettings: 16,
        maxOutstandingPings: 4,
        maxSessionInvalidFrames: 16,
        maxSessionRejectedStreams: MAX_STREAMS,
        // Megabytes of everything that a session holds, so that a client that reads nothing is bounded.
        maxSessionMemory: 4,
        streamResetBurst: RESETS.burst,
        streamResetRate: RESETS.aSecond,
        settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: maxHeaderSize, enablePush: false },
      },
      onRequest,
    );
    server.setTimeout(idleTimeoutMs);
  }
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  // The property exists on both kinds, because a secure server also speaks HTTP/1.1.
  (server as Server).maxHeadersCount = MAX_HEADERS;
  return server;
}
