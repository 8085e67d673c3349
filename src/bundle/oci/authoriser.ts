import type { Clock } from '#core/ports/clock';
import { parseForeignJson, shownText } from '#core/text';
import { BundleError } from '../errors.ts';
import { readBody } from './bounded-body.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credentials } from './credentials.ts';
import type { HttpClient, HttpResponse } from './http-client.ts';
import { isTransient, registryError } from './registry-error.ts';

const MAX_TOKEN_BODY = 1 * 2 ** 20;

/**
 * Answers a registry's challenges. Credentials go only to the registry's own host. A token server on another host gets
 * them only if the user allows this host by name, and is otherwise asked without them.
 */
export class Authoriser {
  readonly #http: HttpClient;
  readonly #registry: URL;
  readonly #credentials: Credentials | undefined;
  readonly #authHosts: ReadonlySet<string>;
  readonly #clock: Pick<Clock, 'now'>;
  /** The exchanges by scope, because one token serves one scope. */
  readonly #exchanged = new Map<string, Promise<string>>();
  #header: string | undefined;

  constructor(
    http: HttpClient,
    registry: URL,
    credentials: Credentials | undefined,
    authHosts: readonly string[],
    clock: Pick<Clock, 'now'>,
  ) {
    this.#clock = clock;
    this.#http = http;
    this.#registry = registry;
    this.#credentials = credentials;
    this.#authHosts = new Set([registry.hostname, ...authHosts]);
  }

  /** Returns the header for the first request: a token as it is, or nothing until a challenge says how to authorise. */
  async header(): Promise<string | undefined> {
    if (this.#header !== undefined || this.#credentials?.kind !== 'token') return this.#header;
    await this.#http.refuseClearText();
    return `Bearer ${this.#credentials.token}`;
  }

  /**
   * Returns the header that answers a 401.
   * @throws {BundleError} `BUNDLE_UNAUTHORISED`, and as `HttpClient.send`
   */
  async answer({ headers }: HttpResponse, signal?: AbortSignal): Promise<string> {
    const challenges = parseChallenges(headers['www-authenticate']);
    const bearer = challenges.find(
      ({ scheme, parameters }) => scheme === 'bearer' && URL.canParse(parameters.get('realm') ?? ''),
    );
    if (bearer !== undefined) {
      this.#header = `Bearer ${await this.#exchange(bearer, signal)}`;
      return this.#header;
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) {
      const schemes = challenges.map(({ scheme }) => shownText(scheme)).join(', ');
      throw this.#refused(
        schemes === '' ? 'it does not say what it wants' : `it wants ${schemes}, which Vivarium does not support`,
      );
    }
    if (this.#credentials === undefined) throw this.#refused('it wants a name and a password');
    await this.#http.refuseClearText();
    this.#header = this.#basic(this.#credentials);
    return this.#header;
  }

  /**
   * Returns `text` without our secrets, because a registry may repeat what it was sent and its messages are printed.
   */
  redact(text: string): string {
    const given = this.#credentials;
    const own = given === undefined ? [] : [given.kind === 'token' ? given.token : given.password, this.#basic(given)];
    const secrets = [...own, this.#header ?? ''].map((secret) => secret.replace(/^(?:Basic|Bearer) /, ''));
    // Ignore case, because host names arrive in lower case.
    return secrets
      .filter((secret) => secret !== '')
      .reduce(
        (clean, secret) => clean.replaceAll(new RegExp(secret.replaceAll(/[^A-Za-z0-9]/g, '\\$&'), 'gi'), '[secret]'),
        text,
      );
  }

  #exchange(challenge: Challenge, signal: AbortSignal | undefined): Promise<string> {
    const key = JSON.stringify([...challenge.parameters].filter(([name]) => name !== 'error'));
    let exchanged = this.#exchanged.get(key);
    if (exchanged === undefined) {
      exchanged = this.#fetchToken(challenge, signal);
      this.#exchanged.set(key, exchanged);
      // Simultaneous requests share one exchange. Later ones start a new one, because tokens expire.
      const forget = () => this.#exchanged.delete(key);
      exchanged.then(forget, forget);
    }
    return exchanged;
  }

  /** Requests a token by the token protocol of distribution: GET on the realm with service and scope. */
  async #fetchToken({ parameters }: Challenge, signal: AbortSignal | undefined): Promise<string> {
    const { url } = this.#http.follow(this.#registry, parameters.get('realm') ?? '');
    for (const name of ['service', 'scope']) {
      const value = parameters.get(name);
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const ours = this.#authHosts.has(url.hostname);
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.#credentials !== undefined && ours) {
      await this.#http.refuseClearText();
      headers.authorization = this.#basic(this.#credentials);
    }
    const response = await this.#http.send({ method: 'GET', url, headers, ...(signal && { signal }) });
    const body = await readBody(response.body, MAX_TOKEN_BODY, response.url);
    const hint =
      this.#credentials !== undefined && !ours
        ? `; to let it have your token, allow it with --auth-host ${url.hostname}`
        : '';
    if (isTransient(response.status)) {
      // The caller repeats the request that needs the token, and so the token is requested again too.
      throw registryError(response, this.redact(body.toString('utf8')), 'asking for a token', this.#clock.now());
    }
    if (response.status !== 200) throw this.#refused(`its token server ${url.host} answers ${response.status}${hint}`);
    const token = tokenOf(body.toString('utf8'));
    if (token === undefined) throw this.#refused(`its token server ${url.host} gives no token${hint}`);
    return token;
  }

  #basic(credentials: Credentials): string {
    // A token alone is sent as a password. Servers that accept tokens this way ignore the user's name.
    return basicHeader(credentials.kind === 'basic' ? credentials : { user: 'token', password: credentials.token });
  }

  #refused(why: string): BundleError {
    return new BundleError('BUNDLE_UNAUTHORISED', `${this.#registry.host} refuses us: ${why}`);
  }
}

function tokenOf(text: string): string | undefined {
  let value: unknown;
  try {
    value = parseForeignJson(text, { maxLength: MAX_TOKEN_BODY });
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { token, access_token } = value as Record<string, unknown>;
  const found = token ?? access_token;
  return typeof found === 'string' && /^[\x21-\x7e]{1,65536}$/.test(found) ? found : undefined;
}
