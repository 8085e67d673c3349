import type { HostLinker } from '../../host-linker.ts';
import type { CurrentStore } from '../../host-state.ts';
import type { Io } from '../io.ts';
import { type IpAddress, ipAddressOf } from './addresses.ts';
import { socketErrorOf } from './error-code.ts';

/** Addresses of one name that a guest is told. */
const MAX_ADDRESSES = 64;

/** `wasi:sockets/ip-name-lookup`: begun in one turn, read in a later one; only names that a grant for sockets names. */
export function defineNameLookup(linker: HostLinker, current: CurrentStore, io: Io): void {
  class ResolveAddressStream {
    #addresses: IpAddress[] | undefined;
    #failure: string | undefined;

    constructor(answer: Promise<readonly string[]>) {
      answer.then(
        (addresses) => {
          this.#addresses = addresses.slice(0, MAX_ADDRESSES).map(ipAddressOf);
        },
        (error) => {
          this.#failure = socketErrorOf(error);
        },
      );
    }

    resolveNextAddress(): IpAddress | undefined {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#addresses === undefined) throw 'would-block';
      return this.#addresses.shift();
    }

    subscribe(): object {
      return new io.Pollable(() => this.#addresses !== undefined || this.#failure !== undefined);
    }
  }

  linker.define('wasi:sockets/ip-name-lookup@0.2.0', {
    ResolveAddressStream,
    resolveAddresses: (_network: object, name: string) => new ResolveAddressStream(current.state.network.lookUp(name)),
  });
}
