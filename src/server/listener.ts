import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '#core/ports/clock';
import type { HttpServerOptions } from './http-server-options.ts';
import type { Outgoing } from './outgoing.ts';
import type { Incoming } from './request-head.ts';

export type Listener = Server | Http2SecureServer;
export type OnRequest = (incoming: Incoming, outgoing: Outgoing) => void;

const MAX_HEADERS = 100;
const MAX_STREAMS = 100;
/** Settings and pings of a client in a second. Each costs an answer, and a client has reason for a few in the life of a session. */
const MAX_CONTROL_FRAMES = 100;
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
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
    requireHostHeader: true,
    // A proxy and this server must agree on where a message ends; otherwise, requests could be smuggled.
    insecureHTTPParser: false,
    joinDuplicateHeaders: false,
    noDelay: true,
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
  server.maxConnections = options.maxConnections ?? 1_000;
  // The property exists on both kinds, because a secure server also speaks HTTP/1.1.
  (server as Server).maxHeadersCount = MAX_HEADERS;
  return server;
}

/** The connections of a server, and the sessions of HTTP/2 on them, which it does not end by itself when it closes. */
export class Connections {
  readonly #open = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();

  constructor(server: Listener, headersTimeoutMs: number, clock: Pick<Clock, 'after'>) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('session', (session: ServerHttp2Session) => {
      this.#open.add(session);
      session.on('close', () => this.#open.delete(session));
      session.on('error', () => {});
      limitHeadTime(session, headersTimeoutMs, clock);
      limitControlFrames(session);
    });
  }

  /** Tells clients to open no more streams, and ends each session after its streams. */
  close(): void {
    for (const session of this.#open) session.close();
  }

  destroy(): void {
    for (const session of this.#open) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Ends a session whose client does not send its first request in time. Later silence is bounded by the idle time-out. */
function limitHeadTime(session: ServerHttp2Session, ms: number, clock: Pick<Clock, 'after'>): void {
  const stopTimer = clock.after(ms, () => session.destroy());
  session.once('stream', stopTimer);
  session.once('close', stopTimer);
}

/** Ends a session whose client floods with settings or pings. nghttp2 ends it only if the client does not read the answers either. */
function limitControlFrames(session: ServerHttp2Session): void {
  let second = 0;
  let frames = 0;
  const count = (): void => {
    const now = Math.trunc(performance.now() / 1_000);
    if (now !== second) {
      second = now;
      frames = 0;
    }
    frames += 1;
    if (frames > MAX_CONTROL_FRAMES) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on('remoteSettings', count);
  session.on('ping', count);
}
