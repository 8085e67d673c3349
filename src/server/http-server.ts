import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '#core/errors';
import { toResponse } from '#system';
import { ServerError } from './errors.ts';
import { InternalRoutes } from './internal-routes.ts';
import { rawResponse, requestOf, write } from './translate.ts';

/** Answers an incoming request. @throws as `Runtime.fetch` */
export type Answer = (request: Request, clientAddress: string) => Promise<Response>;

/** The options of a server; each has a default. */
export interface HttpServerOptions {
  /** 127.0.0.1 by default, so that other machines reach the server only if the embedder chooses so. */
  readonly host?: string | undefined;
  /** 8080 by default; 0 selects any free port. */
  readonly port?: number | undefined;
  /** Milliseconds within which a request's headers must arrive; 10,000 by default. */
  readonly headersTimeoutMs?: number | undefined;
  /** Milliseconds within which a whole request must arrive, including its body; 60,000 by default. */
  readonly requestTimeoutMs?: number | undefined;
  /** Milliseconds without a byte in either direction after which a connection is closed; 60,000 by default. */
  readonly idleTimeoutMs?: number | undefined;
  /** The number of connections at a time; 1,000 by default. */
  readonly maxConnections?: number | undefined;
  /** The largest size of a request's headers in bytes; 16 KiB by default. */
  readonly maxHeaderBytes?: number | undefined;
  /** Whether responses to failed requests contain the error's message, which may contain text from the component. */
  readonly expose?: boolean | undefined;
  /** What the host answers itself, before any component; nothing by default. */
  readonly internal?: InternalRoutes | undefined;
  /** Called for each request that failed. */
  readonly onError?: ((error: unknown, url: string) => void) | undefined;
}

const MAX_HEADERS = 100;

/** An HTTP/1.1 server in front of components. */
export class HttpServer {
  readonly #server: Server;
  readonly #answer: Answer;
  readonly #options: HttpServerOptions;
  readonly #internal: InternalRoutes;
  #draining = false;

  constructor(answer: Answer, options: HttpServerOptions = {}) {
    this.#answer = answer;
    this.#options = options;
    this.#internal = options.internal ?? new InternalRoutes({});
    const { headersTimeoutMs = 10_000, requestTimeoutMs = 60_000, idleTimeoutMs = 60_000 } = options;
    this.#server = createServer(
      {
        maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
        headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
        requestTimeout: requestTimeoutMs,
        connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
        requireHostHeader: true,
        // A proxy and this server must agree on where a message ends; otherwise, requests could be smuggled.
        insecureHTTPParser: false,
        joinDuplicateHeaders: false,
        noDelay: true,
        // A request to upgrade for which there is no route is answered like any other, as the standard says.
        shouldUpgradeCallback: ({ url = '' }) => this.#internal.takes(pathnameOf(url)),
      },
      (incoming, outgoing) => void this.#serve(incoming, outgoing),
    );
    this.#server.on('upgrade', (incoming, socket, head) => void this.#upgrade(incoming, socket, head));
    this.#server.timeout = idleTimeoutMs;
    this.#server.maxConnections = options.maxConnections ?? 1_000;
    this.#server.maxHeadersCount = MAX_HEADERS;
  }

  /** Starts to listen. @throws {ServerError} `SERVER_CANNOT_LISTEN` */
  listen(): Promise<{ readonly url: string }> {
    const { host = '127.0.0.1', port = 8080 } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        const message = `cannot listen on ${host}:${port}: ${messageOf(cause)}; choose another address`;
        reject(new ServerError('SERVER_CANNOT_LISTEN', message, { cause }));
      };
      this.#server.once('error', failed);
      this.#server.listen(port, host, () => {
        this.#server.off('error', failed);
        const { address, family, port: own } = this.#server.address() as AddressInfo;
        resolve({ url: `http://${family === 'IPv6' ? `[${address}]` : address}:${own}` });
      });
    });
  }

  /** Accepts no more connections and waits until all requests are answered. Closes connections that are left after `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const timer = setTimeout(() => this.#server.closeAllConnections(), timeoutMs);
    await closed;
    clearTimeout(timer);
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    // When the client leaves, this signal gives the turn of its request up.
    const gone = new AbortController();
    outgoing.on('close', () => {
      gone.abort();
      if (this.#draining) this.#server.closeIdleConnections();
    });
    incoming.on('error', () => {});
    const request = requestOf(incoming, 'http', gone.signal);
    if (request === undefined) {
      outgoing.shouldKeepAlive = false;
      outgoing.writeHead(400).end();
      return;
    }
    try {
      const response = await this.#respond(request, incoming);
      if (this.#draining) outgoing.shouldKeepAlive = false;
      if (!gone.signal.aborted) await write(response, outgoing);
      // Closing the connection is cheaper than reading the rest of a body that the component did not read.
      if (!incoming.complete) outgoing.once('finish', () => incoming.socket.destroySoon());
    } catch (error) {
      this.#failed(error, request, gone.signal);
      // A broken connection shows the client that the answer is incomplete.
      outgoing.destroy();
    }
  }

  async #respond(request: Request, incoming: IncomingMessage): Promise<Response> {
    try {
      const address = addressOf(incoming);
      return await (this.#internal.answer(request, address) ?? this.#answer(request, address));
    } catch (error) {
      this.#failed(error, request, request.signal);
      return toResponse(error, { expose: this.#options.expose === true });
    }
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => {});
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const request = requestOf(incoming, 'http', gone.signal);
    if (request === undefined) return void socket.end(rawResponse(new Response(null, { status: 400 })));
    try {
      const refusal = await this.#internal.upgrade(request, addressOf(incoming), [incoming, socket, head]);
      if (refusal !== undefined) socket.end(rawResponse(refusal));
    } catch (error) {
      this.#failed(error, request, gone.signal);
      socket.destroy();
    }
  }

  #failed(error: unknown, { url }: Request, { aborted }: AbortSignal): void {
    if (!aborted) this.#options.onError?.(error, url);
  }
}

function addressOf({ socket }: IncomingMessage): string {
  return (socket.remoteAddress ?? '0.0.0.0').replace(/^::ffff:/, '');
}

/** The path of a request's target, resolved as a URL is; empty for a target that is no path. */
function pathnameOf(target: string): string {
  return target.startsWith('/') ? (URL.parse(target, 'http://host')?.pathname ?? '') : '';
}
