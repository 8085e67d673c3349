import type { DatagramSocket, SocketAddress } from '#core/ports/network';
import type { HostState } from '#runtime/host';
import { onceReady, type Waited } from '../../readiness.ts';
import { type IpSocketAddress, ipSocketAddressOf, socketAddressOf } from '../../sockets/addresses.ts';
import { atOnce } from '../../sockets/error-code.ts';
import type { SocketPlaces } from '../../sockets/socket-places.ts';
import type { Family } from '../../sockets/tcp.ts';
import { createUdpSocket, isSame, refusal, type UdpSocket as UdpSocket2, udpParts } from '../../sockets/udp.ts';
import { bindSocket, unsupported } from './binding.ts';
import { caseOf, inCases } from './error-case.ts';
import { anyPlace, checkRemote } from './places.ts';

/** The class of sockets of version 0.3: those of version 0.2, whose functions send and receive one datagram each. */
export function udpSocketClass(places: SocketPlaces): object {
  return class UdpSocket {
    readonly #inner: UdpSocket2;
    #remote: SocketAddress | undefined;

    constructor(inner: UdpSocket2) {
      this.#inner = inner;
    }

    static create(caller: HostState, family: Family): UdpSocket {
      return new UdpSocket(inCases(() => createUdpSocket(places, caller, family)));
    }

    bind(caller: HostState, local: IpSocketAddress): Waited<void> {
      return this.#bind(caller, local, () => {});
    }

    connect(caller: HostState, remote: IpSocketAddress): Waited<void> {
      const to = inCases(() => this.#checked(remote));
      return this.#withSocket(caller, (socket) => {
        inCases(() => atOnce(() => socket.checkSend(to)));
        this.#remote = to;
      });
    }

    disconnect(): void {
      if (this.#remote === undefined) throw caseOf('invalid-state');
      this.#remote = undefined;
    }

    send(caller: HostState, data: Uint8Array, remote: IpSocketAddress | undefined): Waited<void> {
      const to = remote === undefined ? this.#remote : inCases(() => this.#checked(remote));
      const refused = refusal(data, to, this.#remote);
      if (refused !== undefined) throw caseOf(refused);
      return this.#withSocket(caller, (socket) =>
        onceReady(caller, { ready: () => socket.room > 0, whenReady: (wake) => socket.changed.add(wake) }, () =>
          inCases(() => atOnce(() => socket.send(data, to as SocketAddress))),
        ),
      );
    }

    receive(caller: HostState): Waited<[Uint8Array, IpSocketAddress]> {
      const socket = inCases(() => udpParts(this.#inner).bound());
      const arrived = {
        ready: () => socket.isReadable(this.#remote),
        whenReady: (wake: () => void) => socket.changed.add(wake),
      };
      return onceReady(caller, arrived, () => {
        const remote = this.#remote;
        while (socket.isReadable(remote)) {
          const [datagram] = inCases(() => atOnce(() => socket.receive(1, remote)));
          if (datagram === undefined || (remote !== undefined && !isSame(datagram.remote, remote))) continue;
          return [datagram.data, ipSocketAddressOf(datagram.remote)];
        }
        return this.receive(caller);
      });
    }

    getLocalAddress(): IpSocketAddress {
      return inCases(() => this.#inner.localAddress());
    }

    getRemoteAddress(): IpSocketAddress {
      if (this.#remote === undefined) throw caseOf('invalid-state');
      return ipSocketAddressOf(this.#remote);
    }

    getAddressFamily(): Family {
      return this.#inner.addressFamily();
    }

    getUnicastHopLimit(): never {
      return unsupported();
    }

    setUnicastHopLimit(): never {
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
      this.#inner[Symbol.dispose]();
    }

    /** @throws `invalid-argument` for what cannot be sent to */
    #checked(remote: IpSocketAddress): SocketAddress {
      if (remote.tag !== this.#inner.addressFamily()) throw 'invalid-argument';
      checkRemote(remote);
      return socketAddressOf(remote);
    }

    #bind<T>(caller: HostState, local: IpSocketAddress, then: () => Waited<T>): Waited<T> {
      return bindSocket(caller, this.#inner, udpParts(this.#inner).readiness, local, then);
    }

    /** Goes on with the bound socket; one that is not bound yet gets any port. */
    #withSocket<T>(caller: HostState, then: (socket: DatagramSocket) => Waited<T>): Waited<T> {
      const { isUnbound, bound } = udpParts(this.#inner);
      const bind = (): Waited<T> => then(inCases(bound));
      return isUnbound() ? this.#bind(caller, anyPlace(this.#inner.addressFamily()), bind) : bind();
    }
  };
}
