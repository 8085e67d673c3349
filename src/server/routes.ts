import { ServerError } from './errors.ts';
import { isHost, plainPath, type RequestHead } from './request-head.ts';

/** Selects the requests that go to a component: those whose path is `path` or below it and, if named, whose host and method match. */
export interface Route {
  /** In lower case; `*.shop.example` matches hosts with one label more than `shop.example`. */
  readonly host?: string | undefined;
  /** Begins with a slash and does not end with one, except `/` itself, which matches every path. */
  readonly path: string;
  /** In upper case; undefined for all methods. */
  readonly methods?: readonly string[] | undefined;
}

export interface RouteOf<T> {
  readonly route: Route;
  readonly target: T;
}

const ROUTE = /^([^/=]*)(\/[^=]*)=(.+)$/;

/** Reads `/shop=shop.wasm` or `shop.example/cart=shop.wasm`. @throws {ServerError} `SERVER_INVALID_ROUTE` */
export function parseRoute(text: string): Route & { readonly component: string } {
  const [, host = '', path = '', component = ''] = ROUTE.exec(text) ?? [];
  const url = URL.parse(`http://host${path}`);
  const isPath = url !== null && url.pathname === path && url.search === '' && url.hash === '';
  if (component === '' || !isPath || (host !== '' && !isRoutedHost(host))) {
    throw new ServerError(
      'SERVER_INVALID_ROUTE',
      `${JSON.stringify(text.slice(0, 200))} is no route; write PATH=COMPONENT, as /shop=shop.wasm, or with a host before it, as shop.example/=shop.wasm`,
    );
  }
  return { host: host === '' ? undefined : host, path: withoutSlash(path), component };
}

/** Whether requests can have the host of a route. A dot at the end of a name is left out there. */
export function isRoutedHost(text: string): boolean {
  const name = text.startsWith('*.') ? text.slice(2) : text;
  return isHost(name) && !/\.(?::\d+)?$/.test(name);
}

/** The hosts, paths and methods of several routes with one target, as a configuration names them. */
export interface Places {
  /** Empty for all hosts. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  /** In upper case; empty or left out for all methods. */
  readonly methods?: readonly string[];
}

/** Makes a route for each host and path. */
export function routesOf<T>({ hosts, paths, methods = [] }: Places, target: T): readonly RouteOf<T>[] {
  return (hosts.length === 0 ? [undefined] : hosts).flatMap((host) =>
    paths.map((path) => ({
      route: { host, path: withoutSlash(plainPath(path)), methods: methods.length === 0 ? undefined : methods },
      target,
    })),
  );
}

/** Removes the slash at the end of a path that is longer than it. */
function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, '') : path;
}

/** Finds routes that select the same requests. */
export class SelectedOnce {
  readonly #seen = new Set<string>();

  /** @throws {ServerError} `SERVER_INVALID_ROUTE` if a route was added before that selects the same requests */
  add({ host = '', path, methods = [''] }: Route): void {
    for (const method of methods) {
      const at = `${method} ${host}${path}`.trim();
      if (this.#seen.has(at))
        throw new ServerError('SERVER_INVALID_ROUTE', `${at} is routed twice; leave one of them out`);
      this.#seen.add(at);
    }
  }
}

/**
 * Finds the target of a request. A route with a host precedes one with `*.`, and that one routes without a host; a host with a
 * port precedes the same without. Among these, the longest path wins, and among equal paths a route that names the method.
 */
export class Routes<T> {
  readonly #routes: readonly RouteOf<T>[];

  /** @throws {ServerError} `SERVER_INVALID_ROUTE` if two routes select the same requests */
  constructor(routes: readonly RouteOf<T>[]) {
    const rank = ({ host, path, methods }: Route): number =>
      rankOfHost(host) + 2 * path.length + (methods === undefined ? 0 : 1);
    this.#routes = routes.toSorted((one, other) => rank(other.route) - rank(one.route));
    const once = new SelectedOnce();
    for (const { route } of routes) once.add(route);
  }

  /** @returns the target, the methods that its path allows if none matches, or undefined if no route has the path */
  find({
    host,
    method,
    pathname,
  }: Pick<RequestHead, 'host' | 'method' | 'pathname'>):
    | { readonly target: T }
    | { readonly allow: string }
    | undefined {
    // A name with a dot at its end is the same name, written in full.
    const hostname = host.replace(/:\d+$/, '').replace(/\.$/, '');
    const allowed = new Set<string>();
    for (const { route, target } of this.#routes) {
      if (route.host !== undefined && !matches(route.host, host) && !matches(route.host, hostname)) continue;
      if (route.path !== '/' && pathname !== route.path && !pathname.startsWith(`${route.path}/`)) continue;
      if (route.methods === undefined || route.methods.includes(method)) return { target };
      for (const each of route.methods) allowed.add(each);
    }
    return allowed.size === 0 ? undefined : { allow: [...allowed].sort().join(', ') };
  }
}

/** Whether a host is that of a route, or one of those that its `*` stands for, which is one label. */
function matches(routed: string, host: string): boolean {
  return (
    routed === host ||
    (routed.startsWith('*.') && host.indexOf('.') > 0 && host.slice(host.indexOf('.')) === routed.slice(1))
  );
}

function rankOfHost(host: string | undefined): number {
  if (host === undefined) return 0;
  return (host.startsWith('*.') ? 1e6 : 2e6) + (/:\d+$/.test(host) ? 0.5e6 : 0);
}
