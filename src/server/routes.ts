import { ServerError } from './errors.ts';

/** Which requests go to a component: those to a host, where one is named, whose path is `path` or lies below it. */
export interface Route {
  readonly host: string | undefined;
  /** Begins with a slash and ends with none, but for `/` itself, which is every path. */
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

/** Finds what answers a request: a route with its host first, then the one with the longest path. */
export class Routes<T> {
  readonly #routes: readonly { readonly route: Omit<Route, 'component'>; readonly target: T }[];

  /** @throws {ServerError} `SERVER_INVALID_ROUTE` where two are the same */
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
