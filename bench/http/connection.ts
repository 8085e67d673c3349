import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const LENGTH = /\r\ncontent-length: *(\d+)/i;
const LAST_CHUNK = '\r\n0\r\n\r\n';

/** A connection on which one request is sent after the other. It reads no more of an answer than it must, so that the server is measured. */
export class Connection {
  readonly #socket: Socket;
  readonly #request: Buffer;
  #received = '';
  #waiting: PromiseWithResolvers<string> | undefined;

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes.toString('latin1')));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')));
  }

  /** @param path that all its requests ask for */
  static async open(port: number, path = '/'): Promise<Connection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new Connection(socket, path);
  }

  /** Sends a request, and resolves when it is answered. @throws for an answer other than 200 */
  async ask(): Promise<void> {
    const status = await this.status();
    if (status !== '200') throw new Error(`answered ${status}`);
  }

  /** Sends a request, and resolves with the status of its answer. */
  status(): Promise<string> {
    this.#waiting = Promise.withResolvers();
    this.#socket.write(this.#request);
    return this.#waiting.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const head = this.#received.indexOf('\r\n\r\n');
    if (head === -1 || !isComplete(this.#received, head)) return;
    const status = this.#received.slice(9, 12);
    this.#received = '';
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(status);
  }
}

function isComplete(received: string, head: number): boolean {
  const length = LENGTH.exec(received.slice(0, head));
  // The body is a short text, in which no last chunk can be.
  return length === null ? received.endsWith(LAST_CHUNK) : received.length >= head + 4 + Number(length[1]);
}
