import type { CurrentStore, HostLinker } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';

/** Defines `wasi:sockets/network` and `instance-network`. A network resource grants nothing by itself: each connection is checked. */
export function defineNetwork(linker: HostLinker, current: CurrentStore): void {
  class Network {
    readonly #charge = new HostCharge(current.state);

    [Symbol.dispose](): void {
      this.#charge.end();
    }
  }

  linker.define('wasi:sockets/network@0.2.0', { Network });
  linker.define('wasi:sockets/instance-network@0.2.0', { instanceNetwork: () => new Network() });
}
