import { ServerError } from './errors.ts';

/** Selects the requests that go to a component: those whose path is `path` or below it and, if a host is named, whose host matches. */
export interface Route {
  readonly host: string | undefined;
  /** Begins with a slash and does not end with one, except `/` itself, which matches every path. */
  readonly path: string;
  readonly component: string;
}

const ROUTE = /^([^/=]*)(\/[^=]*)=(.+)$/;

/** Reads `/shop=shop.wasm` or `shop.example/cart=shop.wasm`. @throws {ServerError} `SERVER_INVALID_ROUTE` */
export function parseRoute(text: string): Route {
  const [, host = '', path = '', component = ''] = ROUTE.exec(text) ?? [];
  const url = URL.parse(`http://${host === '' ? 'host' : host}${path}`);
  const isPath = url !== null && url.pathname === path && url.search === '' && url.hash === '';
  if (component === '' || !isPath || (host !== '' && url.host !== host)) {
    throw new ServerError(
      'SERVER_INVALID_ROUTE',
      `${JSON.stringify(text.slice(0, 200))} is no route; write PATH=COMPONENT, as /shop=shop.wasm, or with a host before it, as shop.example/=shop.wasm`,
    );
  }
  return { host: host === '' ? undefined : host, path: path.length > 1 ? path.replace(/\/$/, '') : path, component };
}

/** Finds the target of a request. A route with a host precedes routes without one; among these, the longest path wins. */
export class Routes<T> {
  readonly #routes: readonly { readonly route: Omit<Route, 'component'>; readonly target: T }[];

  /** @throws {ServerError} `SERVER_INVALID_ROUTE` if two routes are equal */
  constructor(routes: readonly { readonly route: Omit<Route, 'component'>; readonly target: T }[]) {
    const rank = ({ host, path }: Omit<Route, 'component'>): number => (host === undefined ? 0 : 1e6) + path.length;
    this.#routes = routes.toSorted((one, other) => rank(other.route) - rank(one.route));
    const seen = new Set<string>();
    for (const { route } of routes) {
      const key = `${route.host ?? ''}${route.path}`;
      if (seen.has(key)) throw new ServerError('SERVER_INVALID_ROUTE', `${key} is routed twice; leave one of them out`);
      seen.add(key);
    }
  }

  find({ host, hostname, pathname }: URL): T | undefined {
    return this.#routes.find(({ route }) => {
      if (route.host !== undefined && route.host !== host && route.host !== hostname) return false;
      return route.path === '/' || pathname === route.path || pathname.startsWith(`${route.path}/`);
    })?.target;
  }
}
