import { messageOf, type NameService } from '#core';
import type { Authority } from '#security/authority';
import { canonicalAddress, type Endpoint, formatEndpoint, isPublicAddress, parseEndpoint } from '#security/authority';
import { SecurityError } from '../errors.ts';
import { LookUps, systemNames } from './look-ups.ts';

/** Names that one component has looked up at a time. */
const MAX_LOOK_UPS = 8;

/** A connection that may be made: to these addresses and no others, whatever the name answers later. */
export interface Admission {
  readonly endpoint: Endpoint;
  /** At least one, in canonical spelling. */
  readonly addresses: readonly string[];
}

/**
 * Says where a component may connect to. The name (or address) must be granted; then it is resolved, once, and each
 * address that is not public must be granted by itself, so that no name can lead to the host or into its networks.
 */
export class NetworkGuard {
  readonly #authority: Authority;
  readonly #names: NameService;

  constructor(authority: Authority, names: NameService = systemNames) {
    this.#authority = authority;
    this.#names = new LookUps(names, MAX_LOOK_UPS);
  }

  /**
   * @param target `scheme://host:port`, the scheme `http`, `https`, `tcp` or `udp`
   * @throws {SecurityError} `SECURITY_PERMISSION_DENIED`; `SECURITY_NETWORK_FAILED` when the name cannot be resolved
   */
  async admit(target: string): Promise<Admission> {
    const endpoint = parseEndpoint(target);
    if (endpoint === undefined) throw this.#authority.deny('network', 'connect', target, 'it names no endpoint');
    const text = formatEndpoint(endpoint);
    this.#authority.check('network', 'connect', text);
    const found = endpoint.isAddress ? [endpoint.host] : await this.#resolve(endpoint.host);
    const addresses = found.filter((address) => this.#mayReach(endpoint, address));
    if (addresses.length > 0) return { endpoint, addresses };
    const private_ = formatEndpoint({ ...endpoint, host: found[0] as string });
    throw this.#authority.deny('network', 'connect', private_, `${text} leads to an address that is not public`);
  }

  #mayReach({ scheme, port }: Endpoint, address: string): boolean {
    if (isPublicAddress(address)) return true;
    return this.#authority.capabilities.allowsAddress(formatEndpoint({ scheme, port, host: address }));
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
