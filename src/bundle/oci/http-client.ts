import { isIP } from 'node:net';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { Agent, ProxyAgent } from 'undici';
import { messageOf } from '#core/errors';
import { BundleError } from '../errors.ts';
import { AddressRule, type Resolve } from './address-rule.ts';
import { Proxies, type ProxyOptions } from './proxies.ts';
import { TransientError } from './retry.ts';

/** The target of a request. */
export interface Destination {
  readonly url: URL;
  /**
   * The path and query exactly as a `Location` gave them, because a URL's parser would write some characters
   * differently.
   */
  readonly target?: string;
}

export interface HttpRequest extends Destination {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  /** The body. A stream needs its length in `headers`, and is made anew for each attempt. */
  readonly body?: Uint8Array | (() => Readable);
  readonly signal?: AbortSignal;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Readable;
  /** The URL of the answer, after redirects. */
  readonly url: URL;
}

export interface HttpClientOptions {
  readonly registry: URL;
  readonly connections: number;
  /** The milliseconds to wait for a silent server. Default 30,000. */
  readonly idleMs?: number;
  readonly resolve?: Resolve;
  readonly proxies?: ProxyOptions;
  /** PEM of certificate authorities that are trusted in addition to the system's. */
  readonly ca?: string;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** The redirects that keep the method and the body (RFC 9110, 15.4.8 and 15.4.9). */
const SAME_REQUEST: ReadonlySet<number> = new Set([307, 308]);

/** HTTP to a registry and to the servers to which it redirects. The answer's body must be read or destroyed. */
export class HttpClient {
  readonly #registry: URL;
  readonly #addresses: AddressRule;
  readonly #agent: Agent;
  readonly #proxies: Proxies;
  readonly #proxyAgents = new Map<string, ProxyAgent>();
  readonly #common: { connections: number; headersTimeout: number; bodyTimeout: number };
  readonly #tls: { ca?: string[] };

  constructor({ registry, connections, idleMs = 30_000, resolve, proxies, ca }: HttpClientOptions) {
    this.#registry = registry;
    this.#proxies = new Proxies(proxies);
    this.#common = { connections, headersTimeout: idleMs, bodyTimeout: idleMs };
    this.#tls = ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] };
    this.#addresses = new AddressRule(registry, resolve);
    this.#agent = new Agent({
      ...this.#common,
      connect: {
        ...this.#tls,
        timeout: Math.min(idleMs, 10_000),
        // Connect to the addresses that the rule has checked, not to those of a second look-up.
        lookup: (name, { all }, callback) => {
          this.#addresses.addresses(new URL(`http://${isIP(name) === 6 ? `[${name}]` : name}/`)).then(
            (addresses) => {
              const [first] = addresses;
              if (all === true) callback(null, [...addresses]);
              else callback(null, first?.address ?? '', first?.family);
            },
            (error: Error) => callback(error, ''),
          );
        },
      },
    });
  }

  /**
   * Sends a request and follows redirects: all of them for requests that only read, and for those that write only the
   * redirects that keep the request.
   * @param authorization goes only to the registry's own origin
   * @throws {BundleError} `BUNDLE_UNREACHABLE` (transient), `BUNDLE_FORBIDDEN_ADDRESS`, `BUNDLE_INVALID_OPTION`
   */
  async send(request: HttpRequest, authorization?: string): Promise<HttpResponse> {
    const { method, headers, body, signal } = request;
    const followed = method === 'GET' || method === 'HEAD' ? REDIRECTS : SAME_REQUEST;
    const fixed = { method, ...(headers && { headers }), ...(body && { body }), ...(signal && { signal }) };
    let where: Destination = request;
    for (let hops = 0; ; hops++) {
      const own = where.url.origin === this.#registry.origin;
      const response = await this.#once({ ...fixed, ...where }, own ? authorization : undefined);
      const { location } = response.headers;
      if (!followed.has(response.status) || location === undefined) return response;
      response.body.destroy();
      if (hops === MAX_REDIRECTS) throw refused(`the registry redirects more than ${MAX_REDIRECTS} times`);
      where = this.follow(where.url, location);
    }
  }

  /** Returns the target of a `Location`, if it is allowed. */
  follow(from: URL, location: string): Destination {
    if (!URL.canParse(location, from)) throw refused('the registry answered with a Location that is not a URL');
    const url = new URL(location, from);
    const downgrade = this.#registry.protocol === 'https:' && url.protocol !== 'https:';
    if (downgrade || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
      throw refused(`the registry sends us from ${from.protocol} to ${url.protocol}`);
    }
    url.username = '';
    url.password = '';
    const target = rawTarget(location);
    return { url, ...(target !== undefined && { target }) };
  }

  /** @throws {BundleError} `BUNDLE_INVALID_OPTION` if a token would cross the internet in clear text */
  async refuseClearText(): Promise<void> {
    if (this.#registry.protocol === 'https:') return;
    const proxied = this.#proxies.for(this.#registry) !== undefined;
    if (proxied ? this.#addresses.isPlainlyPrivate() : !(await this.#addresses.isPublic())) return;
    throw new BundleError(
      'BUNDLE_INVALID_OPTION',
      `a token would be sent to ${this.#registry.host} without encryption; use https://, or no token`,
    );
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent, ...this.#proxyAgents.values()].map((agent) => agent.destroy()));
  }

  #through(proxy: URL): ProxyAgent {
    let agent = this.#proxyAgents.get(proxy.href);
    if (agent === undefined) {
      agent = new ProxyAgent({ uri: proxy.href, ...this.#common, requestTls: this.#tls, proxyTls: this.#tls });
      this.#proxyAgents.set(proxy.href, agent);
    }
    return agent;
  }

  async #once(
    { method, url, target, headers, body, signal }: HttpRequest,
    authorization?: string,
  ): Promise<HttpResponse> {
    const proxy = this.#proxies.for(url);
    // A proxy resolves names itself, and they often cannot be resolved on this side of it.
    if (proxy === undefined) await this.#addresses.addresses(url);
    else this.#addresses.checkUnresolved(url);
    try {
      const response = await (proxy === undefined ? this.#agent : this.#through(proxy)).request({
        origin: url.origin,
        path: target ?? url.pathname + url.search,
        method,
        headers: { 'user-agent': 'vivarium', ...headers, ...(authorization === undefined ? {} : { authorization }) },
        body: (typeof body === 'function' ? body() : body) ?? null,
        signal: signal ?? null,
      });
      // A caller that destroys a body should not have to listen for the resulting error.
      response.body.on('error', () => undefined);
      return { status: response.statusCode, headers: flat(response.headers), body: response.body, url };
    } catch (cause) {
      if (cause instanceof BundleError) throw cause;
      signal?.throwIfAborted();
      throw unreachable(url, cause);
    }
  }
}

export function unreachable(url: URL, cause: unknown): TransientError {
  return new TransientError(`${url.host} does not answer: ${messageOf(cause)}; is it running, and the address right?`, {
    cause,
  });
}

/**
 * Returns the path and query of a `Location` unchanged, if it has them in full and all their characters are allowed in
 * a request.
 */
function rawTarget(location: string): string | undefined {
  const [whole = ''] = location.split('#', 1);
  const scheme = whole.indexOf('://');
  const authority = scheme === -1 ? (whole.startsWith('//') ? 2 : undefined) : scheme + 3;
  const start = authority === undefined ? 0 : whole.indexOf('/', authority);
  const target = start === -1 ? '' : whole.slice(start);
  return target.startsWith('/') && /^[!-~]*$/.test(target) ? target : undefined;
}

function refused(what: string): BundleError {
  return new BundleError('BUNDLE_REGISTRY_REFUSED', what);
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}
