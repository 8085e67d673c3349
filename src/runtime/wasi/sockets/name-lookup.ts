import { Quota } from '#core/limits';
import { Wakers } from '#core/waiting';
import type { HostLinker, HostState } from '#runtime/host';
import { HostCharge } from '../host-charge.ts';
import { Pollable } from '../io.ts';
import { type IpAddress, ipAddressOf } from './addresses.ts';
import { atOnce, socketErrorOf } from './error-code.ts';

/** The most addresses of one name that a guest gets. */
const MAX_ADDRESSES = 64;

/** What the host keeps for a look-up and its answer. */
export const ANSWER_BYTES = MAX_ADDRESSES * 128;

/** The most names that one store looks up at a time, including look-ups whose answer it no longer wants. */
const MAX_LOOK_UPS = 8;

const running = new WeakMap<HostState, Quota>();

class ResolveAddressStream {
  readonly #charge: HostCharge;
  readonly #changed = new Wakers();
  #addresses: IpAddress[] | undefined;
  #failure: string | undefined;

  constructor(caller: HostState, asked: Promise<readonly string[]>) {
    asked.then(
      (addresses) => {
        this.#addresses ??= addresses.map(ipAddressOf);
        this.#changed.wake();
      },
      (error) => {
        this.#failure = socketErrorOf(error);
        this.#changed.wake();
      },
    );
    // This may end the store, so it comes after `then`: otherwise nobody would handle a rejection of `asked`.
    this.#charge = new HostCharge(caller, ANSWER_BYTES);
  }

  resolveNextAddress(): IpAddress | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#addresses === undefined) throw 'would-block';
    return this.#addresses.shift();
  }

  [Symbol.dispose](): void {
    this.#addresses = [];
    this.#charge.end();
  }

  subscribe(caller: HostState): object {
    return new Pollable(caller, {
      ready: () => this.#addresses !== undefined || this.#failure !== undefined,
      whenReady: (wake) => this.#changed.add(wake),
    });
  }
}

/**
 * Looks a name up. A component may look up only names for which it has a grant for sockets.
 * @throws a code of version 0.2: `temporary-resolver-failure` where too many look-ups run, `access-denied`
 */
export function lookUp(caller: HostState, name: string): Promise<readonly string[]> {
  const places = running.get(caller) ?? new Quota(MAX_LOOK_UPS);
  running.set(caller, places);
  if (!places.take(1)) throw 'temporary-resolver-failure';
  let asked: Promise<readonly string[]>;
  try {
    asked = atOnce(() => caller.context.network.lookUp(name));
  } catch (denied) {
    places.giveBack(1);
    throw denied;
  }
  return asked.then((addresses) => addresses.slice(0, MAX_ADDRESSES)).finally(() => places.giveBack(1));
}

/** Defines `wasi:sockets/ip-name-lookup` 0.2. */
export function defineNameLookup(linker: HostLinker): void {
  linker.define('wasi:sockets/ip-name-lookup@0.2.0', {
    ResolveAddressStream,
    resolveAddresses: (caller: HostState, _network: object, name: string): object =>
      new ResolveAddressStream(caller, lookUp(caller, name)),
  });
}
