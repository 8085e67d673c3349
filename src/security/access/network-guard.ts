import { messageOf } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { NameService, SocketAddress } from '#core/ports/network';
import type { Wakers } from '#core/waiting';
import type { Authority } from '#security/authority';
import { canonicalAddress, type Endpoint, formatEndpoint, isPublicAddress, parseEndpoint } from '#security/authority';
import { SecurityError } from '../errors.ts';
import { LookUps, systemNames } from './look-ups.ts';
import { onRevocation } from './socket-grant.ts';

/** The most names that one component may look up at a time. */
const MAX_LOOK_UPS = 8;

/** Permission to connect to these addresses and no others, whatever the name resolves to later. */
export interface Admission {
  readonly endpoint: Endpoint;
  /** At least one address, in canonical spelling. */
  readonly addresses: readonly string[];
}

/** What a grant for sockets allows. */
export type SocketAction = 'connect' | 'listen' | 'send';

/** The most addresses whose names are remembered. Further addresses need a grant that names the address. */
const MAX_LOOKED_UP = 256;

/**
 * Decides where a component may connect to. The name or address must be granted. A name is then resolved once, and each
 * address that is not public needs a grant of its own, so that no name can lead to the host or into its networks.
 */
export class NetworkGuard {
  readonly #authority: Authority;
  readonly #names: NameService;
  /** Times the connections that are made under this guard. */
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  /** The names by which each address was looked up, because sockets connect to addresses while grants name hosts. */
  readonly #lookedUp = new Map<string, Set<string>>();

  /** The endpoint that was checked last, because most components ask for one. */
  #lastTarget: string | undefined;
  #lastEndpoint: Endpoint | undefined;

  constructor(authority: Authority, clock: Pick<Clock, 'after' | 'monotonic'>, names: NameService = systemNames) {
    this.clock = clock;
    this.#authority = authority;
    this.#names = new LookUps(names, MAX_LOOK_UPS);
  }

  /**
   * @param target `scheme://host:port` with the scheme `http`, `https`, `tcp` or `udp`
   * @throws {SecurityError} `SECURITY_PERMISSION_DENIED`; `SECURITY_NETWORK_FAILED` when the name cannot be resolved
   */
  async admit(target: string): Promise<Admission> {
    return this.addressesOf(this.check(target));
  }

  /** Wakes when some grant was revoked. */
  get revoked(): Wakers {
    return this.#authority.revoked;
  }

  /** Checks the grant for an endpoint, and looks nothing up. @throws {SecurityError} `SECURITY_PERMISSION_DENIED` */
  check(target: string): Endpoint {
    const endpoint = this.#lastTarget === target ? this.#lastEndpoint : parseEndpoint(target);
    [this.#lastTarget, this.#lastEndpoint] = [target, endpoint];
    if (endpoint === undefined) throw this.#authority.deny('network', 'connect', target, 'it names no endpoint');
    this.#authority.check('network', 'connect', formatEndpoint(endpoint));
    return endpoint;
  }

  /** Looks up an endpoint that `check` has returned. @throws as `admit` */
  async addressesOf(endpoint: Endpoint): Promise<Admission> {
    const found = endpoint.isAddress ? [endpoint.host] : await this.#resolve(endpoint.host);
    const addresses = found.filter((address) => this.mayReach(endpoint, address));
    if (addresses.length > 0) return { endpoint, addresses };
    throw this.#unreachable(endpoint, found[0] as string);
  }

  /** Checks that an endpoint and all addresses that were admitted for it still are. @throws {SecurityError} `SECURITY_PERMISSION_DENIED` */
  checkAgain(endpoint: Endpoint, addresses: readonly string[]): void {
    this.#authority.check('network', 'connect', formatEndpoint(endpoint));
    const ended = addresses.find((address) => !this.mayReach(endpoint, address));
    if (ended !== undefined) throw this.#unreachable(endpoint, ended);
  }

  #unreachable(endpoint: Endpoint, address: string): SecurityError {
    const private_ = formatEndpoint({ ...endpoint, host: address });
    const why = `${formatEndpoint(endpoint)} leads to an address that is not public`;
    return this.#authority.deny('network', 'connect', private_, why);
  }

  /**
   * Resolves a name that a grant for sockets names. Other names are not looked up, because the query itself informs
   * whoever answers it. The answer is not waited for once the grant is revoked. @throws at once where the name is not granted
   */
  lookUp(name: string): Promise<readonly string[]> {
    const endpoint = parseEndpoint(`tcp://${name}:1`);
    const check = (): void => {
      if (endpoint?.isAddress === false && this.#authority.capabilities.allowsName(endpoint.host)) return;
      throw this.#authority.deny('network', 'connect', `tcp://${name}:*`, 'the name is not granted with any port');
    };
    check();
    const looked = this.#lookUpGranted((endpoint as Endpoint).host);
    return new Promise((resolve, reject) => {
      const forget = onRevocation({ check, revoked: this.revoked }, reject);
      looked.finally(forget).then(resolve, reject);
    });
  }

  async #lookUpGranted(host: string): Promise<readonly string[]> {
    const addresses = await this.#resolve(host);
    for (const address of addresses) {
      const names = this.#lookedUp.get(address) ?? new Set();
      if (this.#lookedUp.size >= MAX_LOOKED_UP && names.size === 0) break;
      this.#lookedUp.set(address, names.add(host));
    }
    return addresses;
  }

  /**
   * Checks whether a socket may connect, send to or listen on an address: by a grant for the address, or for a name that
   * resolved to it.
   */
  checkSocket({ address, port }: SocketAddress, action: SocketAction = 'connect', scheme: 'tcp' | 'udp' = 'tcp'): void {
    const canonical = canonicalAddress(address);
    const target = formatEndpoint({ scheme, host: canonical ?? address, port });
    if (canonical === undefined) throw this.#authority.deny('network', action, target, 'it is not an address');
    if (!this.#isGranted(canonical, port, action, scheme)) throw this.#authority.deny('network', action, target);
    if (!this.mayReach({ scheme, host: canonical, port, isAddress: true }, canonical, action)) {
      throw this.#authority.deny('network', action, target, 'the address is not public');
    }
  }

  /** The same without a record of what is refused: for what comes in, which the component has not asked for. */
  allowsSocket({ address, port }: SocketAddress, action: SocketAction, scheme: 'tcp' | 'udp'): boolean {
    const canonical = canonicalAddress(address);
    if (canonical === undefined || !this.#isGranted(canonical, port, action, scheme)) return false;
    return this.mayReach({ scheme, host: canonical, port, isAddress: true }, canonical, action);
  }

  /** Checks that there is somebody to whom a socket that is bound here may send, and from whom it may receive then. */
  checkSends({ address, port }: SocketAddress): void {
    if (this.#authority.capabilities.holds('network', 'send')) return;
    throw this.#authority.deny('network', 'send', formatEndpoint({ scheme: 'udp', host: address, port }));
  }

  #isGranted(address: string, port: number, action: SocketAction, scheme: 'tcp' | 'udp'): boolean {
    const hosts = [address, ...(action === 'listen' ? [] : (this.#lookedUp.get(address) ?? []))];
    return hosts.some((host) => this.#authority.allows('network', action, formatEndpoint({ scheme, host, port })));
  }

  /** Whether an address of an endpoint may be reached: it is public, or granted by itself. */
  mayReach({ scheme, port }: Endpoint, address: string, action: SocketAction = 'connect'): boolean {
    if (isPublicAddress(address)) return true;
    return this.#authority.capabilities.allowsAddress(formatEndpoint({ scheme, port, host: address }), action);
  }

  async #resolve(name: string): Promise<readonly string[]> {
    let answers: readonly string[];
    try {
      answers = await this.#names.lookUp(name);
    } catch (cause) {
      throw unresolved(`${name} cannot be resolved: ${messageOf(cause)}`, cause);
    }
    const addresses = answers.flatMap((answer) => canonicalAddress(answer) ?? []);
    if (addresses.length > 0) return [...new Set(addresses)];
    throw unresolved(`${name} has no address`);
  }
}

function unresolved(message: string, cause?: unknown): SecurityError {
  return new SecurityError('SECURITY_NETWORK_FAILED', message, { cause, details: { reason: 'name' } });
}
