import type { HostState } from '#runtime/host';
import { onceReady, type Readiness, type Waited } from '../../readiness.ts';
import type { IpSocketAddress } from '../../sockets/addresses.ts';
import { caseOf, inCases } from './error-case.ts';
import { checkUnicast } from './places.ts';

/** Version 0.3 has no networks. */
export const NO_NETWORK = {};

/** A socket of version 0.2, which is bound in two steps. */
interface Bindable {
  startBind(caller: HostState, network: object, local: IpSocketAddress): void;
  finishBind(): void;
}

/** Binds a socket, and goes on with `then` once it is bound. @throws a case of version 0.3's `error-code` */
export function bindSocket<T>(
  caller: HostState,
  socket: Bindable,
  readiness: Readiness,
  local: IpSocketAddress,
  then: () => Waited<T>,
): Waited<T> {
  inCases(() => {
    checkUnicast(local);
    socket.startBind(caller, NO_NETWORK, local);
  });
  return onceReady(caller, readiness, () => {
    inCases(() => socket.finishBind());
    return then();
  });
}

/** For functions that would change the host's own network stack. */
export function unsupported(): never {
  throw caseOf('not-supported');
}
