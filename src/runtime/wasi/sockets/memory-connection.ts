import type { ByteOutput } from '#core/ports/bytes';
import type { NetworkConnection, SocketAddress } from '#core/ports/network';
import { BytePipe } from '#core/waiting';

/** One end of a connection in memory. It needs no descriptor and no grant, because its bytes never leave the store. */
class MemoryConnection implements NetworkConnection {
  readonly closed: undefined;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly input: BytePipe;
  readonly output: ByteOutput;
  readonly #outgoing: BytePipe;

  constructor(local: SocketAddress, remote: SocketAddress, input: BytePipe, outgoing: BytePipe) {
    this.local = local;
    this.remote = remote;
    this.input = input;
    this.#outgoing = outgoing;
    this.output = {
      get writable() {
        return !outgoing.isOpen || outgoing.room > 0;
      },
      get room() {
        return outgoing.isOpen ? outgoing.room : undefined;
      },
      write: (bytes) => void outgoing.write(bytes),
      // What is in the pipe has left this end.
      flushed: true,
      changed: outgoing.changed,
    };
  }

  end(): void {
    this.#outgoing.end();
  }

  keepAlive(): void {}

  close(): void {
    this.#outgoing.end();
    this.input.cancel();
  }
}

/** Connects two addresses of one store. Each direction holds at most 64 KiB, which the place of the socket that reads them pays for. */
export function connectInMemory(from: SocketAddress, to: SocketAddress): [NetworkConnection, NetworkConnection] {
  const [there, back] = [new BytePipe(), new BytePipe()];
  return [new MemoryConnection(from, to, back, there), new MemoryConnection(to, from, there, back)];
}
