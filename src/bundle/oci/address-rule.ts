import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { canonicalAddress, isPublicAddress } from '#security/authority';
import { BundleError } from '../errors.ts';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** Finds the addresses of a name; tests give their own. */
export type Resolve = (name: string) => Promise<readonly Address[]>;

const system: Resolve = (name) => lookup(name, { all: true });

/**
 * Decides which addresses may be connected to. The registry itself is wherever its user says; but a public registry
 * must not send us (by a redirect, a token server or an upload's location) to an address of the private network, where
 * we would be its messenger. A name is resolved once and stays what it was, so that no second answer differs.
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
   * The addresses that `url` may be reached at.
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
   * The same for a URL that a proxy will resolve: only what says by itself that it is private can be refused.
   * @throws {BundleError} `BUNDLE_FORBIDDEN_ADDRESS`
   */
  checkUnresolved(url: URL): void {
    if (url.hostname === this.#registry || this.isPlainlyPrivate() || !plainlyPrivate(url.hostname)) return;
    throw this.#forbidden(url);
  }

  /** Whether the registry's address says, without being resolved, that it is in a private network. */
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
      // A name that could not be resolved may be resolved later.
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
