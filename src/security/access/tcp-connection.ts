import { connect, type Socket } from 'node:net';
import { isVivariumError } from '#core/errors';
import type { NetworkConnection, SocketAddress } from '#core/ports/network';
import { networkFailure } from './network-failure.ts';
import { onRevocation, type SocketGrant } from './socket-grant.ts';
import { StreamInput } from './stream-input.ts';
import { StreamOutput } from './stream-output.ts';

const CONNECT_MS = 10_000;

/**
 * Connects to an address that was checked.
 * @param from the address that the connection has on this side; any by default
 * @throws {SecurityError} `SECURITY_NETWORK_FAILED`; `SECURITY_PERMISSION_DENIED` when the grant is revoked meanwhile
 */
export function connectTcp(
  to: SocketAddress,
  grant: SocketGrant,
  signal: AbortSignal,
  from?: SocketAddress,
): Promise<NetworkConnection> {
  return new Promise((resolve, reject) => {
    // An aborted signal destroys the socket before it has a descriptor, and the descriptor that it then gets would stay
    // open.
    if (signal.aborted) {
      reject(networkFailure(to, Object.assign(new Error('the caller has cancelled it'), { code: 'ECONNABORTED' })));
      return;
    }
    grant.check();
    const socket = connect({
      host: to.address,
      port: to.port,
      ...(from !== undefined && { localAddress: from.address, localPort: from.port }),
      // This side may still answer after the other side has ended.
      allowHalfOpen: true,
      signal,
      timeout: CONNECT_MS,
    });
    // Reject only when the socket is closed, because its place in a quota is free from then on.
    const onError = (error: Error): void => {
      forget();
      const reason = isVivariumError(error) ? error : networkFailure(to, error);
      socket.once('close', () => reject(reason));
    };
    socket.once('error', onError);
    // In the next tick the socket has its descriptor, as above.
    const forget = onRevocation(grant, (denial) => process.nextTick(() => socket.destroy(denial)));
    socket.once('timeout', () => socket.destroy(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' })));
    socket.once('connect', () => {
      forget();
      socket.off('error', onError);
      socket.setTimeout(0);
      resolve(new TcpConnection(socket, to, grant));
    });
  });
}

/** A connection, whichever side has made it. */
export class TcpConnection implements NetworkConnection {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly closed: Promise<void>;
  readonly input: StreamInput;
  readonly output: StreamOutput;
  readonly #socket: Socket;

  constructor(socket: Socket, to: SocketAddress, grant: SocketGrant) {
    this.local = { address: socket.localAddress ?? '', port: socket.localPort ?? 0 };
    this.remote = to;
    this.#socket = socket;
    const hooks = { check: grant.check, failed: (error: Error) => networkFailure(to, error) };
    this.input = new StreamInput(socket, hooks);
    this.output = new StreamOutput(socket, hooks);
    this.input.begin();
    const forget = onRevocation(grant, (denial) => socket.destroy(denial));
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        forget();
        resolve();
      });
    });
  }

  end(): void {
    this.#socket.end();
  }

  keepAlive(enabled: boolean, idleMs: number): void {
    this.#socket.setKeepAlive(enabled, idleMs);
  }

  close(): void {
    this.#socket.destroy();
  }
}
