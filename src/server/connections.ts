import { constants, type ServerHttp2Session } from 'node:http2';
import { Server as NetServer, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '#core/ports/clock';
import type { ConnectionShares } from './connection-shares.ts';
import type { Listener } from './listener.ts';
import type { Pipelined } from './pipelined.ts';

/** Settings and pings of a client in a second. Each costs an answer, and a client has reason for a few in the life of a session. */
const MAX_CONTROL_FRAMES = 100;
export interface ConnectionOptions {
  /** Milliseconds in which a session's first request must come, and in which one without streams must end. */
  readonly headersTimeoutMs: number;
  /** Milliseconds without a byte in either direction that a connection has, and a session of HTTP/2 without a request. */
  readonly idleTimeoutMs: number;
  /** Milliseconds that an idle connection has for another request while the server closes, and a new session for its first one. */
  readonly drainIdleMs: number;
  readonly clock: Pick<Clock, 'after'>;
  /** Whether the server speaks TLS. */
  readonly secure: boolean;
  /** Knows how many connections each client has. */
  readonly shares: ConnectionShares;
  /** Knows how many requests of each connection of HTTP/1.1 are open. */
  readonly pipelined: Pipelined;
}

/** The connections of a server, and the sessions of HTTP/2 on them. It ends them so that no request is lost which has come. */
export class Connections {
  readonly #server: Listener;
  readonly #options: ConnectionOptions;
  /** Each session with the number of its open streams. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  readonly #sockets = new Set<Socket>();
  /** Those that speak HTTP/1.1, over TLS or not. */
  readonly #http1 = new Set<Socket>();
  #accepted = 0;
  #closing = false;
  #destroyed = false;

  constructor(server: Listener, options: ConnectionOptions) {
    this.#server = server;
    this.#options = options;
    server.on('connection', (socket: Socket) => {
      this.#accepted += 1;
      if (this.#destroyed || !options.shares.enter(socket)) socket.destroy();
      else keep(this.#sockets, socket);
    });
    server.on(options.secure ? 'secureConnection' : 'connection', (socket: Socket | TLSSocket) => {
      if (!('alpnProtocol' in socket) || socket.alpnProtocol !== 'h2') {
        keep(this.#http1, socket);
        if (this.#closing) this.#endWhenIdle(socket);
      }
    });
    server.on('session', (session: ServerHttp2Session) => this.#opened(session));
    // With a listener, Node leaves it to the server to end what has been silent.
    server.on('timeout', (silent: Socket | ServerHttp2Session) => this.#silent(silent));
  }

  /**
   * Accepts no more connections, and ends each when its requests are answered: one of HTTP/1.1 with the next answer, or when it was
   * idle for its time; a session of HTTP/2 with the streams that have come. Resolves when all have ended.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const { drainIdleMs } = this.#options;
    // Connections that wait to be accepted are reset where a server stops listening, so they are accepted first.
    await this.#acceptWaiting();
    // The close of HTTP's own servers also ends idle connections at once, even one whose next request is on its way.
    const closed = new Promise<void>((resolve) => void NetServer.prototype.close.call(this.#server, () => resolve()));
    Object.assign(this.#server, { keepAliveTimeout: Math.max(1, drainIdleMs), keepAliveTimeoutBuffer: 0 });
    for (const socket of this.#http1) this.#endWhenIdle(socket);
    for (const session of this.#sessions.keys()) this.#retire(session);
    await closed;
    // Stops the timer with which Node looks for slow requests.
    this.#server.close();
  }

  /**
   * Gives a request of HTTP/1.1 that begins while the server closes the time of any other. The shorter one of an idle connection would
   * end it before its answer, because Node ends only the times that it has set itself.
   */
  requestBegins(socket: Socket): void {
    if (this.#closing) socket.setTimeout(this.#options.idleTimeoutMs);
  }

  /** Ends all connections at once, and those that are still accepted. */
  destroy(): void {
    this.#destroyed = true;
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  /**
   * Accepts the connections that wait for it, of which Node takes one at a time, until none is left. Clients that open new ones without
   * a pause cannot hold the close up for longer than an idle connection may.
   */
  async #acceptWaiting(): Promise<void> {
    let isLate = false;
    const stopTimer = this.#options.clock.after(this.#options.drainIdleMs, () => {
      isLate = true;
    });
    for (let before = -1; before !== this.#accepted && !isLate; ) {
      before = this.#accepted;
      await whatCameIsRead();
    }
    stopTimer();
  }

  #opened(session: ServerHttp2Session): void {
    this.#sessions.set(session, 0);
    session.on('close', () => this.#sessions.delete(session));
    session.on('error', () => {});
    const { headersTimeoutMs, idleTimeoutMs, clock } = this.#options;
    let stopTimer = clock.after(headersTimeoutMs, () => session.destroy());
    session.on('stream', (stream) => {
      stopTimer();
      this.#count(session, 1);
      stream.on('close', () => {
        // Node takes any byte for activity. Without a time of its own, the head of a further request could come as slowly as one likes.
        if (this.#count(session, -1) === 0) stopTimer = clock.after(idleTimeoutMs, () => this.#silent(session));
      });
    });
    session.on('close', () => stopTimer());
    limitControlFrames(session);
    if (this.#closing) this.#retireAfterFirst(session);
  }

  /** Has the first streams of a session answered that was accepted while the server closes: its client sends them with its greeting. */
  #retireAfterFirst(session: ServerHttp2Session): void {
    const stopTimer = this.#options.clock.after(this.#options.drainIdleMs, () => this.#retire(session));
    session.once('stream', () => {
      stopTimer();
      void whatCameIsRead().then(() => this.#retire(session));
    });
    session.once('close', stopTimer);
  }

  /** Counts the open streams of a session. Returns undefined for one that has ended. */
  #count(session: ServerHttp2Session, by: number): number | undefined {
    const open = this.#sessions.get(session);
    if (open === undefined) return undefined;
    this.#sessions.set(session, open + by);
    return open + by;
  }

  /** Bounds the idle time of a connection of HTTP/1.1 without a request; one with a request is bounded when it has its answer. */
  #endWhenIdle(socket: Socket): void {
    const { pipelined, drainIdleMs } = this.#options;
    if (pipelined.open(socket) === 0) socket.setTimeout(Math.max(1, drainIdleMs));
  }

  /**
   * Ends what was silent for its time. The thread may have been busy meanwhile, and timers run before what has come is read: so it is
   * read first, and a connection with new bytes stays.
   */
  #silent(silent: Socket | ServerHttp2Session): void {
    if (silent instanceof Socket) {
      const { bytesRead, bytesWritten } = silent;
      void whatCameIsRead().then(() => {
        if (silent.bytesRead === bytesRead && silent.bytesWritten === bytesWritten) silent.destroy();
      });
      return;
    }
    // A client that neither reads nor sends while it has open streams would not hear of the end either.
    const open = this.#sessions.get(silent) ?? 0;
    if (open > 0) silent.destroy();
    else
      void whatCameIsRead().then(() => {
        if (this.#sessions.get(silent) === 0) this.#retire(silent);
      });
  }

  /** Lets the streams of a session end, and tells its client the last one that is answered: the client can send later ones elsewhere. */
  #retire(session: ServerHttp2Session): void {
    if (session.closed || session.destroyed) return;
    const stopTimer = this.#options.clock.after(this.#options.headersTimeoutMs, () => {
      if (this.#sessions.get(session) === 0) session.destroy();
    });
    session.once('close', stopTimer);
    session.close();
  }
}

/** Resolves when the event loop has looked for connections and bytes once more, which it does between two immediates. */
async function whatCameIsRead(): Promise<void> {
  for (let round = 0; round < 2; round += 1) await new Promise<void>((resolve) => void setImmediate(resolve));
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
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
