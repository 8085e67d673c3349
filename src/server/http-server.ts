import type { IncomingMessage } from 'node:http';
import { constants, type Http2SecureServer, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { guardedTracer } from '#core/ports/guarded-tracer';
import type { Tracer } from '#core/ports/tracing';
import { type HttpExchange, problemOf, systemClock } from '#system';
import { limitBodyTime } from './body-time.ts';
import { ConnectionShares } from './connection-shares.ts';
import { Connections } from './connections.ts';
import { ServerError } from './errors.ts';
import type { HttpServerOptions, TlsFiles } from './http-server-options.ts';
import { InternalRoutes } from './internal-routes.ts';
import { createListener, type Listener, MAX_CONNECTIONS } from './listener.ts';
import { NodeExchange } from './node-exchange.ts';
import { breakOff, type Outgoing, writeHead } from './outgoing.ts';
import { Pipelined } from './pipelined.ts';
import { Refusals } from './refusals.ts';
import { RefusedCounts } from './refused-counts.ts';
import { addressOf, headOf, type Incoming, mayHaveBody, type RequestHead } from './request-head.ts';
import type { SocketTaker } from './socket-routes.ts';
import { beginRequest, endRequest } from './traced-request.ts';
import { errorResponse, rawResponse, requestOf, write } from './translate.ts';
import { settleUnreadBody } from './unread-body.ts';

/** Answers a request by the objects of the web. @throws as `Runtime.fetch` */
export type Answer = (request: Request, clientAddress: string) => Response | Promise<Response>;

/** What answers a request: a function of web objects, or one that answers on an exchange and never fails itself. */
export type Target = WebTarget | ComponentTarget;

export interface WebTarget {
  readonly web: Answer;
  /** Names the route in traces; requests to other routes are not traced. */
  readonly route?: string | undefined;
}

export interface ComponentTarget {
  /** Names the component for `onAnswered`. */
  readonly component: string;
  readonly serve: (exchange: HttpExchange) => Promise<void>;
  /** Whether the component has all requests that it may have. One more is refused without an exchange. */
  readonly isFull?: (() => boolean) | undefined;
}

/** A request to a component that has all requests that it may have. */
interface Refused {
  readonly component: string;
  readonly method: string;
  readonly outgoing: Outgoing;
  /** When it came, in milliseconds of the process's clock. */
  readonly came: number;
}

/** What such a request is answered. It is made once, because a flood of requests must cost next to nothing. */
const REFUSAL = problemOf('MESSAGING_QUEUE_FULL');
const REFUSAL_FIELDS: string[] = [...REFUSAL.headers.flat(), 'content-length', String(REFUSAL.text.length)];

/** Finds what answers a request. */
export type Dispatch = (head: RequestHead) => Target;

/** Milliseconds until another look at whether an answer of HTTP/2 has been sent to its end. */
const DROP_AGAIN_MS = 20;

/** A server of HTTP in front of components. */
export class HttpServer {
  readonly #server: Listener;
  readonly #connections: Connections;
  readonly #dispatch: Dispatch;
  readonly #options: HttpServerOptions;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #internal: InternalRoutes;
  readonly #tracer: Tracer | undefined;
  readonly #scheme: 'http' | 'https';
  readonly #maxBodyBytes: number;
  readonly #pipelined = new Pipelined();
  readonly #refusals = new Refusals<Refused>((refused) => this.#refuse(refused));
  readonly #refused: RefusedCounts;
  #draining = false;

  constructor(dispatch: Dispatch, options: HttpServerOptions = {}) {
    this.#dispatch = dispatch;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    // The runtime warns of a tracer that fails: it has the same.
    this.#tracer = options.tracer && guardedTracer(options.tracer, ignore);
    this.#refused = new RefusedCounts(this.#clock, options.onRefused);
    this.#internal = options.internal ?? new InternalRoutes({});
    this.#scheme = options.tls === undefined ? 'http' : 'https';
    this.#maxBodyBytes = options.maxBodyBytes ?? Number.POSITIVE_INFINITY;
    this.#server = createListener(
      options,
      (incoming) => {
        const head = headOf(incoming, this.#scheme);
        // A malformed request is taken, so that it is answered with an error.
        return head === undefined || this.#internal.takes(head.pathname) || this.#socketsAt(head) !== undefined;
      },
      (incoming, outgoing) => this.#serve(incoming, outgoing),
    );
    this.#connections = new Connections(this.#server, {
      headersTimeoutMs: options.headersTimeoutMs ?? 10_000,
      idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
      drainIdleMs: options.drainIdleMs ?? 1_000,
      clock: this.#clock,
      secure: options.tls !== undefined,
      shares: new ConnectionShares(options.maxConnections ?? MAX_CONNECTIONS, options.maxConnectionsPerClient),
      pipelined: this.#pipelined,
    });
    // Without a listener, Node closes the connection of HTTP/1.1 without an answer, and answers a stream of HTTP/2 with 405.
    this.#server.on('connect', (_: Incoming, to: Duplex | Http2ServerResponse) => {
      if ('stream' in to) this.#refuseUnserved(to, 400);
      else to.on('error', ignore).end(rawResponse(new Response(null, { status: 400 })));
    });
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.#upgrade(incoming, socket, head).catch(() => socket.destroy());
    });
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
        resolve({ url: `${this.#scheme}://${family === 'IPv6' ? `[${address}]` : address}:${own}` });
      });
    });
  }

  /** @throws {ServerError} `SERVER_INVALID_CONFIG` if the server was started without a certificate and should have one now, or the other way round */
  checkRenewal(tls: TlsFiles | undefined): void {
    if ((tls === undefined) === (this.#options.tls === undefined)) return;
    const message = 'server.tls: TLS is only turned on or off when the server is started again';
    throw new ServerError('SERVER_INVALID_CONFIG', message);
  }

  /** Uses another certificate for connections from now on. @throws {ServerError} `SERVER_INVALID_CONFIG` if it is none, and as `checkRenewal` */
  renew(tls: TlsFiles | undefined): void {
    this.checkRenewal(tls);
    if (tls === undefined) return;
    try {
      (this.#server as Http2SecureServer).setSecureContext({ ...tls, minVersion: 'TLSv1.2' });
    } catch (cause) {
      throw new ServerError('SERVER_INVALID_CONFIG', `the certificate or its key cannot be used: ${messageOf(cause)}`, {
        cause,
      });
    }
  }

  /**
   * Accepts no more connections and waits until all requests are answered, those included that clients may have sent on connections
   * which are open. Closes connections that are left after `timeoutMs`.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    const closed = this.#connections.close();
    const stopTimer = this.#clock.after(timeoutMs, () => this.#connections.destroy());
    await closed;
    stopTimer();
    this.#refused.tell();
  }

  #serve(incoming: Incoming, outgoing: Outgoing): void {
    incoming.on('error', ignore);
    outgoing.on('error', ignore);
    const head = headOf(incoming, this.#scheme);
    const length = Number(incoming.headers['content-length'] ?? 0);
    if (head === undefined || length > this.#maxBodyBytes) {
      this.#refuseUnserved(outgoing, head === undefined ? 400 : 413);
      return;
    }
    // Node's parser drops what follows a request to upgrade that nobody takes, so that a further request would never be answered.
    if (incoming.headers.upgrade !== undefined && 'shouldKeepAlive' in outgoing) outgoing.shouldKeepAlive = false;
    if (!('stream' in outgoing)) {
      if (!this.#pipelined.enter(incoming.socket)) return;
      this.#connections.requestBegins(incoming.socket);
    }
    this.#limitTime(incoming, outgoing);
    if ('stream' in outgoing) {
      // Node has sent the trailers by then, of which there may be none. The answer's own `finish` comes when the stream has closed.
      const drop = (): void => void setImmediate(() => this.#dropRest(incoming, outgoing));
      if (mayHaveBody(incoming)) outgoing.stream.once('wantTrailers', drop);
    } else {
      outgoing.on('finish', () => this.#pipelined.leave(incoming.socket));
    }
    const target = this.#internal.find(head) ?? this.#dispatch(head);
    if ('web' in target) this.#traceWeb(target, head, incoming, outgoing);
    else if (this.#options.expose !== true && target.isFull?.() === true) {
      const { component } = target;
      this.#refusals.add({ component, method: head.method, outgoing, came: performance.now() });
    } else this.#serveComponent(target, head, incoming, outgoing);
  }

  #refuse({ component, method, outgoing, came }: Refused): void {
    this.#refused.add(component);
    const isGone = outgoing.destroyed;
    if (!isGone) {
      this.#beforeHead(outgoing);
      writeHead(outgoing, REFUSAL.status, REFUSAL_FIELDS);
      if (method === 'HEAD') outgoing.end();
      else outgoing.end(REFUSAL.text);
    }
    const seconds = (performance.now() - came) / 1_000;
    this.#options.onAnswered?.({ component, method, status: isGone ? 0 : REFUSAL.status, seconds });
  }

  /** Ends a request whose body neither comes whole in its time nor moves. */
  #limitTime(incoming: Incoming, outgoing: Outgoing): void {
    if (!mayHaveBody(incoming)) return;
    limitBodyTime(incoming, outgoing, this.#options.requestTimeoutMs ?? 60_000, this.#clock, () => {
      if ('stream' in outgoing || outgoing.headersSent) breakOff(outgoing);
      else this.#refuseUnserved(outgoing, 408);
    });
  }

  /**
   * Ends what is left of a request of HTTP/2 once its answer has been sent: a client that goes on sending has its answer then, and is
   * told that nothing went wrong (RFC 9113, section 8.1).
   */
  #dropRest(incoming: Incoming, outgoing: Http2ServerResponse): void {
    const { stream } = outgoing;
    if (stream.state.remoteClose === 1 || stream.destroyed || stream.closed) return;
    if (stream.state.localClose === 1) stream.close(constants.NGHTTP2_NO_ERROR);
    // The client does not read, so that the end of the answer waits.
    else this.#clock.after(DROP_AGAIN_MS, () => this.#dropRest(incoming, outgoing));
  }

  #serveComponent(
    { component, serve }: ComponentTarget,
    head: RequestHead,
    incoming: Incoming,
    outgoing: Outgoing,
  ): void {
    const exchange = new NodeExchange(head, incoming, outgoing, addressOf(incoming), {
      maxBodyBytes: this.#maxBodyBytes,
      onHead: () => this.#beforeHead(outgoing),
      onFailed: (error) => this.#answerError(error, head, outgoing),
    });
    const { onAnswered } = this.#options;
    const tracer = this.#tracer;
    const span = tracer && beginRequest(tracer, head, exchange.headers, component);
    exchange.span = span;
    const started = onAnswered === undefined ? 0 : performance.now();
    outgoing.on('close', () => {
      exchange.leave();
      const status = outgoing.headersSent ? outgoing.statusCode : 0;
      if (span !== undefined) endRequest(span, status);
      onAnswered?.({ component, method: head.method, status, seconds: (performance.now() - started) / 1_000 });
    });
    if (span === undefined) void serve(exchange);
    else span.run(() => void serve(exchange));
  }

  #traceWeb({ web, route }: WebTarget, head: RequestHead, incoming: Incoming, outgoing: Outgoing): void {
    const tracer = this.#tracer;
    if (tracer === undefined || route === undefined) {
      this.#serveWeb(web, head, incoming, outgoing);
      return;
    }
    const span = beginRequest(tracer, head, Object.entries(incoming.headers) as [string, string][], route);
    outgoing.on('close', () => endRequest(span, outgoing.headersSent ? outgoing.statusCode : 0));
    span.run(() => this.#serveWeb(web, head, incoming, outgoing));
  }

  /** Has a function of web objects answer. Whatever goes wrong ends the request, and nothing else. */
  #serveWeb(answer: Answer, head: RequestHead, incoming: Incoming, outgoing: Outgoing): void {
    this.#answerWeb(answer, head, incoming, outgoing).catch(() => breakOff(outgoing));
  }

  async #answerWeb(answer: Answer, head: RequestHead, incoming: Incoming, outgoing: Outgoing): Promise<void> {
    // When the client leaves, this signal gives the turn of its request up.
    const gone = new AbortController();
    outgoing.on('close', () => gone.abort());
    const request = requestOf(head, incoming, gone.signal);
    if (request === undefined) {
      this.#refuseUnserved(outgoing, 400);
      return;
    }
    try {
      const response = await answer(request, addressOf(incoming));
      this.#beforeHead(outgoing);
      await write(response, outgoing);
    } catch (error) {
      this.#answerError(error, head, outgoing);
    }
  }

  /** Answers with an error, or breaks an answer off that has begun: that shows the client that it is incomplete. */
  #answerError(error: unknown, head: RequestHead, outgoing: Outgoing): void {
    // Node ends the writable side of a HEAD request over HTTP/2 before anything is answered.
    if (outgoing.destroyed || (outgoing.headersSent && outgoing.writableFinished)) return;
    this.#options.onError?.(error, head.pathname);
    if (outgoing.headersSent) {
      breakOff(outgoing);
      return;
    }
    this.#beforeHead(outgoing);
    write(errorResponse(error, this.#options.expose === true), outgoing).catch(() => breakOff(outgoing));
  }

  #beforeHead(outgoing: Outgoing): void {
    if ('stream' in outgoing) return;
    if (this.#draining) outgoing.shouldKeepAlive = false;
    settleUnreadBody(outgoing, this.#clock);
  }

  #refuseUnserved(outgoing: Outgoing, status: number): void {
    if ('shouldKeepAlive' in outgoing) outgoing.shouldKeepAlive = false;
    this.#beforeHead(outgoing);
    writeHead(outgoing, status, []);
    outgoing.end();
  }

  /** Paths of the host are never anybody else's. */
  #socketsAt(head: RequestHead): SocketTaker | undefined {
    const taker = head.pathname.startsWith('/-/') ? undefined : this.#options.sockets?.();
    return taker?.takes(head) === true ? taker : undefined;
  }

  async #upgrade(incoming: IncomingMessage, socket: Duplex, rest: Buffer): Promise<void> {
    socket.on('error', () => {});
    this.#connections.requestBegins(incoming.socket);
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const head = headOf(incoming, this.#scheme);
    const request = head === undefined ? undefined : requestOf(head, incoming, gone.signal);
    if (head === undefined || request === undefined) {
      socket.end(rawResponse(new Response(null, { status: 400 })));
      return;
    }
    try {
      const connection = [incoming, socket, rest] as const;
      const refusal = this.#internal.takes(head.pathname)
        ? await this.#internal.upgrade(request, addressOf(incoming), connection)
        : this.#socketsAt(head)?.open(head, connection);
      if (refusal !== undefined) socket.end(rawResponse(refusal));
    } catch (error) {
      if (!gone.signal.aborted) this.#options.onError?.(error, head.pathname);
      socket.destroy();
    }
  }
}

/** Makes a dispatch that answers all requests with one function of web objects. */
export function answeringAll(answer: Answer): Dispatch {
  return () => ({ web: answer });
}

function ignore(): void {}
