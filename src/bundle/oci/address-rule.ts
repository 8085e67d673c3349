import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { canonicalAddress, isPublicAddress } from '#security/authority';
import { BundleError } from '../errors.ts';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Resolves a name to addresses; tests supply their own. */
export type Resolve = (name: string) => Promise<readonly Address[]>;

const system: Resolve = (name) => lookup(name, { all: true });

/**
 * Decides which addresses may be connected to. The user decides where the registry itself is. A public registry must
 * not send us (by a redirect, a token server or an upload's location) to an address of the private network, where it
 * could act through us. A name is resolved only once, so that a later answer cannot differ.
 */
export class AddressRule {
  readonly #registry: string;
  readonly #resolve: Resolve;
  readonly #known = new Map<string, Promise<readonly Address[]>>();

  constructor(registry: URL, resolve: Resolve = system) {
    this.#registry = registry.hostname;
    this.#resolve = resolve;
  }

  /**
   * Returns the addresses of `url`.
   * @throws {BundleError} `BUNDLE_FORBIDDEN_ADDRESS`, `BUNDLE_UNREACHABLE`
   */
  async addresses(url: URL): Promise<readonly Address[]> {
    const found = await this.#addressesOf(url.hostname);
    if (url.hostname === this.#registry || !(await this.isPublic())) return found;
    const inside = found.find(({ address }) => !isPublicAddress(canonicalAddress(address) ?? address));
    if (inside !== undefined) throw this.#forbidden(url);
    return found;
  }

  /**
   * Checks a URL that a proxy will resolve. Only a host that is visibly private can be refused.
   * @throws {BundleError} `BUNDLE_FORBIDDEN_ADDRESS`
   */
  checkUnresolved(url: URL): void {
    if (url.hostname === this.#registry || this.isPlainlyPrivate() || !plainlyPrivate(url.hostname)) return;
    throw this.#forbidden(url);
  }

  /** Whether the registry's host is visibly in a private network, without being resolved. */
  isPlainlyPrivate(): boolean {
    return plainlyPrivate(this.#registry);
  }

  /** Whether the registry is on the public internet. */
  async isPublic(): Promise<boolean> {
    const addresses = await this.#addressesOf(this.#registry);
    return addresses.every(({ address }) => isPublicAddress(canonicalAddress(address) ?? address));
  }

  #forbidden(url: URL): BundleError {
    return new BundleError(
      'BUNDLE_FORBIDDEN_ADDRESS',
      `the registry ${this.#registry} sends us to ${url.host}, which is in a private network; nothing was sent there`,
    );
  }

  #addressesOf(host: string): Promise<readonly Address[]> {
    let known = this.#known.get(host);
    if (known === undefined) {
      known = this.#look(host);
      // A name that could not be resolved may be resolvable later.
      known.catch(() => this.#known.delete(host));
      this.#known.set(host, known);
    }
    return known;
  }

  async #look(host: string): Promise<readonly Address[]> {
    const bare = host.startsWith('[') ? host.slice(1, -1) : host;
    const family = isIP(bare);
    if (family !== 0) return [{ address: bare, family }];
    const addresses = await this.#resolve(bare).catch((cause: unknown) => {
      throw new BundleError('BUNDLE_UNREACHABLE', `the name ${host} cannot be resolved; is it right?`, { cause });
    });
    if (addresses.length === 0)
      throw new BundleError('BUNDLE_UNREACHABLE', `the name ${host} has no address; is it right?`);
    return addresses;
  }
}

function plainlyPrivate(host: string): boolean {
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  if (isIP(bare) !== 0) return !isPublicAddress(canonicalAddress(bare) ?? bare);
  return bare === 'localhost' || bare.endsWith('.localhost');
}
