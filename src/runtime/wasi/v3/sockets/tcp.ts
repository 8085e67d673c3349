import type { GuestStream, HostState, HostStream, StreamSource } from '#runtime/host';
import { sinkOf, sourceOf } from '../../byte-streams.ts';
import { onceReady, type Waited } from '../../readiness.ts';
import type { IpSocketAddress } from '../../sockets/addresses.ts';
import { socketErrorOf } from '../../sockets/error-code.ts';
import { type Family, type TcpSocket as TcpSocket2, type TcpSockets, tcpParts } from '../../sockets/tcp.ts';
import { broken, incoming, keeping, outgoing, refused, type StreamResult } from '../streams.ts';
import { bindSocket, NO_NETWORK, unsupported } from './binding.ts';
import { caseOf, inCases } from './error-case.ts';
import { anyPlace, checkRemote } from './places.ts';

const INVALID_STATE = caseOf('invalid-state');

const failureOf = (thrown: unknown): unknown => caseOf(socketErrorOf(thrown));

/** The class of sockets of version 0.3: those of version 0.2 with streams and futures of the component model. */
export function tcpSocketClass(sockets: TcpSockets): object {
  return class TcpSocket {
    readonly #inner: TcpSocket2;
    /** The resource itself, and the streams that use the connection: the last of them closes it. */
    #users = 1;
    #isReceiving = false;
    #isSending = false;

    constructor(inner: TcpSocket2) {
      this.#inner = inner;
    }

    static create(caller: HostState, family: Family): TcpSocket {
      return new TcpSocket(inCases(() => sockets.create(caller, family)));
    }

    bind(caller: HostState, local: IpSocketAddress): Waited<void> {
      return bindSocket(caller, this.#inner, tcpParts(this.#inner).readiness, local, () => {});
    }

    connect(caller: HostState, remote: IpSocketAddress): Waited<void> {
      const socket = this.#inner;
      const { readiness, finishConnect } = tcpParts(socket);
      inCases(() => {
        checkRemote(remote);
        socket.startConnect(caller, NO_NETWORK, remote);
      });
      return onceReady(caller, readiness, () => inCases(finishConnect));
    }

    listen(caller: HostState): Waited<HostStream> {
      const socket = this.#inner;
      const { readiness, isUnbound, accept } = tcpParts(socket);
      const listening = (): HostStream => {
        inCases(() => {
          socket.startListen();
          socket.finishListen();
        });
        const source: StreamSource = {
          ...readiness,
          read(most) {
            const accepted: object[] = [];
            for (let next = accept(caller); next !== undefined; next = accept(caller)) {
              accepted.push(new TcpSocket(next));
              if (accepted.length === most) break;
            }
            return accepted;
          },
          close: this.#used(),
        };
        return outgoing(caller, source)[0];
      };
      if (!isUnbound()) return listening();
      inCases(() => socket.startBind(caller, NO_NETWORK, anyPlace(socket.addressFamily())));
      return onceReady(caller, readiness, () => {
        inCases(() => socket.finishBind());
        return listening();
      });
    }

    send(caller: HostState, data: GuestStream): Promise<StreamResult> {
      try {
        const connection = inCases(() => tcpParts(this.#inner).connected());
        if (this.#isSending) throw INVALID_STATE;
        this.#isSending = true;
        const release = this.#used();
        const sink = keeping(sinkOf(connection.output, failureOf, caseOf('connection-broken')));
        return incoming(caller, data, {
          ...sink,
          close() {
            connection.end();
            release();
          },
        });
      } catch (failure) {
        if (failure instanceof Error) throw failure;
        return refused(data, failure);
      }
    }

    receive(caller: HostState): [HostStream | readonly [], Promise<StreamResult>] {
      try {
        const { input } = inCases(() => tcpParts(this.#inner).connected());
        if (this.#isReceiving) throw INVALID_STATE;
        this.#isReceiving = true;
        return outgoing(caller, { ...sourceOf(input, failureOf), close: this.#used() });
      } catch (failure) {
        if (failure instanceof Error) throw failure;
        return broken(failure);
      }
    }

    getLocalAddress(): IpSocketAddress {
      return inCases(() => this.#inner.localAddress());
    }

    getRemoteAddress(): IpSocketAddress {
      return inCases(() => this.#inner.remoteAddress());
    }

    getIsListening(): boolean {
      return this.#inner.isListening();
    }

    getAddressFamily(): Family {
      return this.#inner.addressFamily();
    }

    setListenBacklogSize(...args: Parameters<TcpSocket2['setListenBacklogSize']>): void {
      inCases(() => this.#inner.setListenBacklogSize(...args));
    }

    getKeepAliveEnabled(): boolean {
      return this.#inner.keepAliveEnabled();
    }

    setKeepAliveEnabled(...args: Parameters<TcpSocket2['setKeepAliveEnabled']>): void {
      inCases(() => this.#inner.setKeepAliveEnabled(...args));
    }

    getKeepAliveIdleTime(): bigint {
      return this.#inner.keepAliveIdleTime();
    }

    setKeepAliveIdleTime(...args: Parameters<TcpSocket2['setKeepAliveIdleTime']>): void {
      inCases(() => this.#inner.setKeepAliveIdleTime(...args));
    }

    getKeepAliveInterval(): bigint {
      return this.#inner.keepAliveInterval();
    }

    setKeepAliveInterval(...args: Parameters<TcpSocket2['setKeepAliveInterval']>): void {
      inCases(() => this.#inner.setKeepAliveInterval(...args));
    }

    getKeepAliveCount(): number {
      return this.#inner.keepAliveCount();
    }

    setKeepAliveCount(...args: Parameters<TcpSocket2['setKeepAliveCount']>): void {
      inCases(() => this.#inner.setKeepAliveCount(...args));
    }

    getHopLimit(): never {
      return unsupported();
    }

    setHopLimit(): never {
      return unsupported();
    }

    getReceiveBufferSize(): never {
      return unsupported();
    }

    setReceiveBufferSize(): never {
      return unsupported();
    }

    getSendBufferSize(): never {
      return unsupported();
    }

    setSendBufferSize(): never {
      return unsupported();
    }

    [Symbol.dispose](): void {
      this.#leave();
    }

    /** Says that a stream uses the connection. Answers what ends that. */
    #used(): () => void {
      this.#users += 1;
      let isUsed = true;
      return () => {
        if (isUsed) this.#leave();
        isUsed = false;
      };
    }

    #leave(): void {
      this.#users -= 1;
      if (this.#users === 0) this.#inner[Symbol.dispose]();
    }
  };
}
