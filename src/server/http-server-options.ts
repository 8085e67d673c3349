import type { Clock } from '#core/ports/clock';
import type { Tracer } from '#core/ports/tracing';
import type { Answered } from '#server/observability';
import type { InternalRoutes } from './internal-routes.ts';
import type { RefusedRequests } from './refused-counts.ts';
import type { SocketTaker } from './socket-routes.ts';

/** A certificate with its chain, and its key, as PEM. */
export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** The options of a server; each has a default. */
export interface HttpServerOptions {
  /** 127.0.0.1 by default, so that other machines reach the server only if the embedder chooses so. */
  readonly host?: string | undefined;
  /** 8080 by default; 0 selects any free port. */
  readonly port?: number | undefined;
  /** With a certificate, the server speaks HTTP/1.1 and 2 over TLS; without one, HTTP/1.1 alone. */
  readonly tls?: TlsFiles | undefined;
  /** Milliseconds within which a request's headers must arrive; 10,000 by default. */
  readonly headersTimeoutMs?: number | undefined;
  /** Milliseconds in each of which a request's body must end, or bring 500 bytes for each second; 60,000 by default. */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Milliseconds without a byte in either direction after which a connection is closed, and without a request after which a session of
   * HTTP/2 is; 60,000 by default.
   */
  readonly idleTimeoutMs?: number | undefined;
  /** Milliseconds that an idle connection of HTTP/1.1 has for another request while the server drains; 1,000 by default. */
  readonly drainIdleMs?: number | undefined;
  /** The number of connections at a time; 1,000 by default. */
  readonly maxConnections?: number | undefined;
  /**
   * The number of connections of one client at a time: an address of IPv4, or a network of 64 bits of IPv6. By default a quarter of all, and
   * no bound of its own for addresses of private networks, from which a proxy connects.
   */
  readonly maxConnectionsPerClient?: number | undefined;
  /** The largest size of a request's headers in bytes; 16 KiB by default. */
  readonly maxHeaderBytes?: number | undefined;
  /** The largest body of a request to a component in bytes; unlimited by default, because bodies are streamed. */
  readonly maxBodyBytes?: number | undefined;
  /** Whether responses to failed requests contain the error's message, which may contain text from the component. */
  readonly expose?: boolean | undefined;
  /** What the host answers itself, before any component; nothing by default. */
  readonly internal?: InternalRoutes | undefined;
  /** Takes requests for WebSockets that are not for the host's own routes; nobody does by default. */
  readonly sockets?: (() => SocketTaker | undefined) | undefined;
  /** Measures how long `drain` and the head of a session's first request take; the machine's clock by default. */
  readonly clock?: Pick<Clock, 'after'> | undefined;
  /** Traces requests; see `openTracer`. */
  readonly tracer?: Tracer | undefined;
  /** Called when the answer of a component has ended, in whatever way. */
  readonly onAnswered?: ((answered: Answered) => void) | undefined;
  /** Called a second after a request was refused because its component had all that it may have, with how many were meanwhile. */
  readonly onRefused?: ((refused: RefusedRequests) => void) | undefined;
  /** Called for each request that failed. */
  readonly onError?: ((error: unknown, path: string) => void) | undefined;
}
