import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { RequestHead } from './request-head.ts';
import type { RouteAbout } from './route-about.ts';

/** What the host knows of a request beside the request itself. */
export interface InternalContext {
  /** The values of the named groups of the route's pattern, decoded from percent escapes. */
  readonly params: Readonly<Record<string, string>>;
  readonly clientAddress: string;
}

type Answer = (request: Request, clientAddress: string) => Response | Promise<Response>;

interface Protected {
  /** What the OpenAPI document says of the route, which has every route that has this. */
  readonly about?: RouteAbout | undefined;
  /** A pathname in the syntax of `URLPattern`, such as `/-/components/:id` or `/-/assets/*`. */
  readonly path: string;
  /** The scope that the client's token must have; without a scope, the route answers everybody. */
  readonly scope?: string | undefined;
}

/** A route that the host itself answers. Internal routes precede those of components. */
export interface InternalRoute extends Protected {
  /** A method in upper case, or `*` for all methods. `HEAD` requests go to routes of `GET`. */
  readonly method: string;
  readonly handler: (request: Request, context: InternalContext) => Response | Promise<Response>;
}

/** A route whose handler takes the connection over, such as one for WebSockets. The handler must end the socket. */
export interface UpgradeRoute extends Protected {
  readonly handler: (
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    context: InternalContext,
  ) => void | Promise<void>;
}

/** Decides whether a request may use routes of a scope. Returns undefined if it may, otherwise the response that refuses it. */
export type Authorize = (request: Request, scope: string) => Response | undefined | Promise<Response | undefined>;

export interface InternalRouteOptions {
  readonly routes?: readonly InternalRoute[] | undefined;
  readonly upgrades?: readonly UpgradeRoute[] | undefined;
  /** Without this function, routes with a scope do not exist. */
  readonly authorize?: Authorize | undefined;
}

interface Compiled<R> {
  readonly route: R;
  /** The pattern's text before its first special character, which is compared first because a pattern is slow. */
  readonly prefix: string;
  readonly pattern: URLPattern;
}

/**
 * Every path below this one is the host's, even if no route matches it: a component that could answer there could imitate the
 * pages that ask operators for their tokens.
 */
const RESERVED = '/-/';

/** Finds and calls the routes that the host answers itself. */
export class InternalRoutes {
  readonly #routes: readonly Compiled<InternalRoute>[];
  readonly #upgrades: readonly Compiled<UpgradeRoute>[];
  readonly #authorize: Authorize | undefined;

  constructor({ routes = [], upgrades = [], authorize }: InternalRouteOptions) {
    const exists = ({ scope }: Protected): boolean => scope === undefined || authorize !== undefined;
    this.#routes = routes.filter(exists).map(compiled);
    this.#upgrades = upgrades.filter(exists).map(compiled);
    this.#authorize = authorize;
  }

  /** Finds what answers a request to the host itself. Returns undefined for a request to a component. */
  find({ method: given, pathname }: RequestHead): { readonly web: Answer; readonly route?: string } | undefined {
    const method = given === 'HEAD' ? 'GET' : given;
    const allowed: string[] = [];
    for (const each of this.#routes) {
      const params = match(each, pathname);
      if (params === undefined) continue;
      const { route } = each;
      if (route.method === method || route.method === '*') {
        const web: Answer = (request, clientAddress) => this.#guarded(route, request, { params, clientAddress });
        // Health and the page's files are asked for so often that their traces would hide the others.
        return route.scope === undefined ? { web } : { web, route: route.path };
      }
      allowed.push(route.method);
    }
    if (allowed.length > 0) {
      return { web: () => new Response(null, { status: 405, headers: { allow: allowed.join(', ') } }) };
    }
    return pathname.startsWith(RESERVED) ? { web: () => new Response(null, { status: 404 }) } : undefined;
  }

  /** Whether a route takes over the connection of a request to this path. */
  takes(pathname: string): boolean {
    return this.#upgrades.some((each) => match(each, pathname) !== undefined);
  }

  /** Gives the connection to the route of its path. Returns the response that refuses it, or undefined if the route took it. */
  async upgrade(
    request: Request,
    clientAddress: string,
    connection: readonly [IncomingMessage, Duplex, Buffer],
  ): Promise<Response | undefined> {
    const { pathname } = new URL(request.url);
    for (const each of this.#upgrades) {
      const params = match(each, pathname);
      if (params === undefined) continue;
      const refusal = await this.#refusal(each.route, request);
      if (refusal === undefined) await each.route.handler(...connection, { params, clientAddress });
      return refusal;
    }
    return new Response(null, { status: 404 });
  }

  async #guarded(route: InternalRoute, request: Request, context: InternalContext): Promise<Response> {
    return (await this.#refusal(route, request)) ?? route.handler(request, context);
  }

  async #refusal({ scope }: Protected, request: Request): Promise<Response | undefined> {
    return scope === undefined ? undefined : this.#authorize?.(request, scope);
  }
}

function compiled<R extends Protected>(route: R): Compiled<R> {
  const prefix = /^[^:*{(\\?+]*/.exec(route.path)?.[0] ?? '';
  return { route, prefix, pattern: new URLPattern({ pathname: route.path }) };
}

function match({ prefix, pattern }: Compiled<unknown>, pathname: string): Record<string, string> | undefined {
  if (!pathname.startsWith(prefix)) return undefined;
  const groups = pattern.exec({ pathname })?.pathname.groups;
  if (groups === undefined) return undefined;
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) {
    const decoded = decode(value ?? '');
    if (decoded === undefined) return undefined;
    params[name] = decoded;
  }
  return params;
}

/** Returns undefined for text whose percent escapes are no UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
