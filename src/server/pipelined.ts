import type { Socket } from 'node:net';

/** Requests of one HTTP/1.1 connection at a time. Clients that send the next request before the last answer are rare, and send few. */
const MOST = 16;

/**
 * Counts the requests of each connection that are not answered yet. Node begins every request that it reads, so one write of a client
 * could take all places of a component at once.
 */
export class Pipelined {
  readonly #open = new WeakMap<Socket, number>();

  /** Counts a request that begins. Ends the connection and returns false if it has too many. */
  enter(socket: Socket): boolean {
    const open = (this.#open.get(socket) ?? 0) + 1;
    if (open > MOST) {
      socket.destroy();
      return false;
    }
    this.#open.set(socket, open);
    return true;
  }

  /** The number of requests of a connection that are not answered yet. */
  open(socket: Socket): number {
    return this.#open.get(socket) ?? 0;
  }

  /** Counts a request whose answer was sent. */
  leave(socket: Socket): void {
    this.#open.set(socket, (this.#open.get(socket) ?? 1) - 1);
  }
}
