import type { HostLinker } from '../../host-linker.ts';

/** `wasi:sockets/network` and `instance-network`: a network resource grants nothing by itself; each connection is checked. */
export function defineNetwork(linker: HostLinker): void {
  class Network {}

  linker.define('wasi:sockets/network@0.2.0', { Network });
  linker.define('wasi:sockets/instance-network@0.2.0', { instanceNetwork: () => new Network() });
}
