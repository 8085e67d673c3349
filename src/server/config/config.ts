import type { TokenSettings } from '#server/management';
import type { LoadOptions } from '#system';

/** What `vivarium.toml` says, with absolute paths and with secrets read. */
export interface ServeConfig {
  readonly server: ServerSettings;
  readonly components: readonly ComponentSettings[];
  readonly routes: readonly RouteSettings[];
  /** Requests for WebSockets that go to an actor without a token. */
  readonly sockets?: readonly SocketRouteSettings[];
  /** Where the management API listens; with the components if undefined. */
  readonly management?: ManagementSettings | undefined;
  /** The tokens of the management API, which is off if there are none. */
  readonly tokens?: readonly TokenSettings[];
}

export interface ServerSettings {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly headersTimeoutMs?: number | undefined;
  readonly requestTimeoutMs?: number | undefined;
  readonly idleTimeoutMs?: number | undefined;
  /** Milliseconds for which the server goes on as before while it is no longer ready. */
  readonly drainDelayMs?: number | undefined;
  readonly drainTimeoutMs?: number | undefined;
  readonly drainIdleMs?: number | undefined;
  readonly maxConnections?: number | undefined;
  readonly maxConnectionsPerClient?: number | undefined;
  readonly maxHeaderBytes?: number | undefined;
  readonly maxBodyBytes?: number | undefined;
  /** A certificate with its chain, and its key, as PEM. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  readonly expose?: boolean | undefined;
  /** Who may read `/-/metrics`: everybody, or who has a token of the scope `read` (the default). */
  readonly metrics?: 'open' | 'token' | undefined;
}

/** One component or actor. */
export interface ComponentSettings {
  /** Unique in the configuration; routes use it. */
  readonly name: string;
  /** An absolute path, a URL, or `registry:ID`. */
  readonly source: string;
  /** The name of the component to which this one, a middleware, passes requests on. */
  readonly next?: string | undefined;
  readonly options: LoadOptions;
  /** Milliseconds that its requests have to end when it is unloaded, or its version replaced; 30,000 if undefined. */
  readonly drainTimeoutMs?: number | undefined;
  /** The names of variables whose values are secrets and must not be shown. */
  readonly secrets: readonly string[];
}

/** Requests of one of the hosts, below one of the paths, and with one of the methods go to the component. */
export interface RouteSettings {
  readonly component: string;
  /** Empty for all hosts. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  /** In upper case; empty for all methods. */
  readonly methods: readonly string[];
}

/** An address of the management API and the dashboard alone. */
export interface ManagementSettings {
  readonly host: string;
  readonly port: number;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
}

/** WebSockets of one of the hosts, at one of the paths, belong to the actor. */
export interface SocketRouteSettings {
  /** The name of a component, or the id of an actor. */
  readonly component: string;
  /** Empty for all hosts. */
  readonly hosts: readonly string[];
  readonly paths: readonly string[];
  /** Origins of pages that may open one, besides the server's own. */
  readonly origins: readonly string[];
}
