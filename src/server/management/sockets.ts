import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ComponentHandle } from '#core';
import { isVivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import { every } from '#core/waiting';
import type { Runtime } from '#system';
import type { InternalContext, UpgradeRoute } from '../internal-routes.ts';
import type { RouteAbout } from '../route-about.ts';

export interface SocketOptions {
  /** The number of open sockets; 10,000 by default. */
  readonly maxSockets?: number | undefined;
  /** The largest message in bytes, in either direction; 1 MiB by default. */
  readonly maxFrameBytes?: number | undefined;
  /** Milliseconds between two pings; a socket whose client does not answer one until the next is closed. 30,000 by default. */
  readonly pingEveryMs?: number | undefined;
  /** Milliseconds that a client has to answer the close of its socket when the server ends; 1,000 by default. */
  readonly closeMs?: number | undefined;
}

/** The headers of a message that a socket sent to its actor. */
const SOCKET = 'vivarium-socket';
const EVENT = 'vivarium-socket-event';
/** The content type of a text message; any other is binary. */
const TEXT = 'text/plain';
/** Close codes of RFC 6455 (section 7.4.1) and of its registry at IANA. */
const [GOING_AWAY, FAILED, TRY_LATER] = [1001, 1011, 1013];
/** The most messages of all sockets that may wait for their actors. One read of a connection can hold ten thousand empty ones. */
const MOST_UNTOLD = 100_000;
/** How much may wait for a client. A message that does not fit is refused to whoever published it. */
const MAILBOX = { maxMessages: 256, maxBytes: 4 * 2 ** 20, overflow: 'reject' } as const;

const ABOUT: RouteAbout = {
  id: 'openSocket',
  summary: 'Opens a WebSocket, whose messages become messages of the actor.',
  answers: { 101: { description: 'The connection is a WebSocket.' } },
};

/** An open socket of an actor. */
interface Opened {
  readonly socket: WebSocket;
  readonly handle: ComponentHandle;
  readonly id: string;
}

type SocketRuntime = Pick<Runtime, 'find' | 'request' | 'topic'>;

/**
 * Owns the WebSockets of actors. A message of a client becomes a message of the actor; its reply, and what is published to the topic
 * `sockets/ID`, become messages to the client. A connection is read again once the actor has answered all messages that were read
 * from it, so that a client which sends faster than the actor handles is slowed down by its own connection.
 */
export class Sockets implements Disposable {
  readonly #runtime: SocketRuntime;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #server: WebSocketServer;
  readonly #options: SocketOptions;
  readonly #open = new Set<WebSocket>();
  /** The messages of all sockets that were read and that no actor has answered. */
  #untold = 0;

  constructor(runtime: SocketRuntime, clock: Pick<Clock, 'after'>, options: SocketOptions = {}) {
    this.#runtime = runtime;
    this.#clock = clock;
    this.#options = options;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.maxFrameBytes ?? 2 ** 20,
      // Compression keeps memory for each socket, and a small message can stand for a large one.
      perMessageDeflate: false,
    });
  }

  /** The route of the sockets. @param find finds the actor that a path names, or throws */
  route(find: (context: InternalContext) => ComponentHandle | undefined): UpgradeRoute {
    return {
      path: '/sockets/:namespace/:name/:instance',
      scope: 'send',
      about: ABOUT,
      handler: (incoming, socket, head, context) => {
        const handle = find(context);
        if (handle === undefined) return void socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
        this.open(handle, [incoming, socket, head]);
      },
    };
  }

  /** Takes a connection over whose client asked for a WebSocket, or ends it if it asked wrongly or too many are open. */
  open(handle: ComponentHandle, [incoming, socket, head]: readonly [IncomingMessage, Duplex, Buffer]): void {
    if (this.#open.size >= (this.#options.maxSockets ?? 10_000)) {
      socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(incoming, socket, head, (opened) => {
      this.#serve(opened, handle).catch(() => opened.close(FAILED));
    });
  }

  /** Closes all sockets. One whose client does not answer in its time is cut off, so that a silent client does not hold the end up. */
  [Symbol.dispose](): void {
    this.#server.close();
    for (const socket of this.#open) {
      socket.close(GOING_AWAY);
      const stopTimer = this.#clock.after(this.#options.closeMs ?? 1_000, () => socket.terminate());
      socket.once('close', stopTimer);
    }
  }

  async #serve(socket: WebSocket, handle: ComponentHandle): Promise<void> {
    this.#open.add(socket);
    const id = randomUUID();
    socket.pause();
    const stopPings = this.#pinging(socket);
    let work: Promise<void> = Promise.resolve();
    const tell = (event: string, payload: Uint8Array, contentType?: string): Promise<void> => {
      work = work.then(() => this.#tell({ socket, handle, id }, event, payload, contentType));
      return work;
    };
    // A message that is too large or malformed: the library has closed the socket with the code that the standard has for it.
    socket.on('error', () => {});
    // A paused socket still tells of all messages that it has read. The next bytes are read when the actor has answered these.
    let untold = 0;
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      socket.pause();
      if (this.#untold >= MOST_UNTOLD) {
        socket.close(TRY_LATER);
        return;
      }
      untold += 1;
      this.#untold += 1;
      void tell('message', new Uint8Array(data), isBinary ? undefined : TEXT).then(() => {
        untold -= 1;
        this.#untold -= 1;
        if (untold === 0) socket.resume();
      });
    });
    let stop: (() => Promise<void>) | undefined;
    socket.on('close', () => {
      this.#open.delete(socket);
      stopPings();
      void stop?.();
      void tell('close', new Uint8Array());
    });
    stop = await this.#runtime.topic(`sockets/${id}`).subscribe(
      // What an actor publishes has no type.
      ({ payload }) => write(socket, payload, true),
      { mailbox: MAILBOX },
    );
    await tell('open', new Uint8Array());
    socket.resume();
  }

  /** Sends the actor a message and the client its reply. A failure closes the socket and says nothing of the actor's own. */
  async #tell({ socket, handle, id }: Opened, event: string, payload: Uint8Array, contentType?: string): Promise<void> {
    const headers = [
      [SOCKET, id],
      [EVENT, event],
    ] as const;
    try {
      const fields = contentType === undefined ? { headers } : { headers, contentType };
      const reply = await this.#runtime.request(handle, payload, fields);
      if (reply !== undefined && event !== 'close')
        await write(socket, reply, event === 'open' || contentType === TEXT);
    } catch (error) {
      const isFull = isVivariumError(error, 'MESSAGING_QUEUE_FULL');
      socket.close(isFull ? TRY_LATER : FAILED);
    }
  }

  #pinging(socket: WebSocket): () => void {
    let isAlive = true;
    socket.on('pong', () => {
      isAlive = true;
    });
    return every(this.#clock, this.#options.pingEveryMs ?? 30_000, () => {
      // A socket that is paused reads no answer, and is not idle.
      if (!isAlive && !socket.isPaused) socket.terminate();
      isAlive = false;
      socket.ping();
    });
  }
}

/**
 * Resolves when the connection has taken the message, so that whoever sends waits for a client that reads slowly.
 * @param mayBeText whether the message is sent as text if it is UTF-8, which a text message must be
 */
function write(socket: WebSocket, payload: Uint8Array, mayBeText: boolean): Promise<void> {
  return new Promise((resolve) => socket.send(payload, { binary: !(mayBeText && isUtf8(payload)) }, () => resolve()));
}
