import type { HostLinker, HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';

class Network {
  readonly #charge: HostCharge;

  constructor(caller: HostState) {
    this.#charge = new HostCharge(caller);
  }

  [Symbol.dispose](): void {
    this.#charge.end();
  }
}

/** Defines `wasi:sockets/network` and `instance-network`. A network resource grants nothing by itself: each connection is checked. */
export function defineNetwork(linker: HostLinker): void {
  linker.define('wasi:sockets/network@0.2.0', { Network });
  linker.define('wasi:sockets/instance-network@0.2.0', {
    instanceNetwork: (caller: HostState) => new Network(caller),
  });
}
