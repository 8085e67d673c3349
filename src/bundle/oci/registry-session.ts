import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { BundleError } from '../errors.ts';
import type { Resolve } from './address-rule.ts';
import { Authoriser } from './authoriser.ts';
import { discard, readBody } from './bounded-body.ts';
import type { Credentials } from './credentials.ts';
import { type Destination, HttpClient, type HttpRequest, type HttpResponse } from './http-client.ts';
import type { ProxyOptions } from './proxies.ts';
import { redacted, registryError } from './registry-error.ts';
import type { Repository } from './repository.ts';
import { type TransientError, waitBefore, withRetries } from './retry.ts';

export interface RegistrySessionOptions {
  readonly repository: Repository;
  readonly credentials?: Credentials;
  /** Hosts of token servers that may get the credentials, in addition to the registry's own. */
  readonly authHosts?: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  /** How many transfers run at the same time. */
  readonly concurrency: number;
  /** The milliseconds to wait for a silent server. */
  readonly idleMs?: number;
  readonly resolve?: Resolve;
  readonly proxies?: ProxyOptions;
  readonly ca?: string;
  readonly signal?: AbortSignal;
}

/** How often a transfer continues after its connection broke. */
export const MAX_CUTS = 6;
const MAX_ERROR_BODY = 64 * 2 ** 10;

/**
 * Sends requests to one repository: with credentials, repeated if that helps, and with errors that contain no secrets.
 */
export class RegistrySession {
  readonly #repository: Repository;
  readonly #http: HttpClient;
  readonly #authoriser: Authoriser;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #signal: AbortSignal | undefined;

  constructor(options: RegistrySessionOptions) {
    this.#repository = options.repository;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#signal = options.signal;
    const { registry } = options.repository;
    this.#http = new HttpClient({
      registry,
      connections: options.concurrency,
      ...(options.idleMs !== undefined && { idleMs: options.idleMs }),
      ...(options.resolve !== undefined && { resolve: options.resolve }),
      ...(options.proxies !== undefined && { proxies: options.proxies }),
      ...(options.ca !== undefined && { ca: options.ca }),
    });
    this.#authoriser = new Authoriser(
      this.#http,
      registry,
      options.credentials,
      options.authHosts ?? [],
      options.clock,
    );
  }

  url(path: string): URL {
    const { registry, base, name } = this.#repository;
    return new URL(`${base}/v2/${name}/${path}`, registry);
  }

  /** Returns where an upload continues. @throws {BundleError} `BUNDLE_REGISTRY_REFUSED` */
  locationOf({ url, headers }: HttpResponse, otherwise?: Destination): Destination {
    const { location } = headers;
    const { registry, base } = this.#repository;
    if (location !== undefined) {
      // Some servers behind a prefix answer as if they were at the root.
      const bare = base !== '' && url.origin === registry.origin && location.startsWith('/v2/');
      return this.#http.follow(url, bare ? base + location : location);
    }
    if (otherwise !== undefined) return otherwise;
    throw new BundleError('BUNDLE_REGISTRY_REFUSED', 'the registry opened an upload and did not say where');
  }

  /**
   * Sends a request with credentials, and answers one challenge.
   * @throws {BundleError} `BUNDLE_UNAUTHORISED`, and as `HttpClient.send`
   */
  async send(request: Omit<HttpRequest, 'signal'>): Promise<HttpResponse> {
    const full = { ...request, ...(this.#signal !== undefined && { signal: this.#signal }) };
    const response = await this.#http.send(full, await this.#authoriser.header());
    const own = response.url.origin === this.#repository.registry.origin;
    if (response.status !== 401 || !own) return response;
    await discard(response.body);
    const answer = await this.#authoriser.answer(response, this.#signal);
    return this.#http.send(full, answer);
  }

  /** @throws the error of any status that is not in `wanted` */
  async expect(response: HttpResponse, wanted: readonly number[], what: string): Promise<void> {
    if (wanted.includes(response.status)) return;
    const body = await readBody(response.body, MAX_ERROR_BODY, response.url).catch(() => Buffer.alloc(0));
    throw registryError(response, this.#authoriser.redact(body.toString('utf8')), what, this.#clock.now());
  }

  async retrying<Result>(task: () => Promise<Result>): Promise<Result> {
    try {
      return await withRetries(task, this.#retryOptions());
    } catch (error) {
      throw this.redacted(error);
    }
  }

  /** Waits before a broken transfer continues. */
  async pause(failures: number, error: TransientError): Promise<void> {
    await waitBefore(failures, error, this.#retryOptions());
  }

  redacted(error: unknown): unknown {
    return redacted(error, (text) => this.#authoriser.redact(text));
  }

  throwIfAborted(): void {
    this.#signal?.throwIfAborted();
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  #retryOptions(): { clock: Clock; random: Random; signal?: AbortSignal } {
    return { clock: this.#clock, random: this.#random, ...(this.#signal !== undefined && { signal: this.#signal }) };
  }
}
