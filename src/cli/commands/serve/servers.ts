import { wait } from '#core/waiting';
import {
  type Deployment,
  HttpServer,
  healthRoutes,
  InternalRoutes,
  metricsRoute,
  RequestMetrics,
  type ServeConfig,
  SocketRoutes,
} from '#server';
import { type Management, management, Sockets } from '#server/management';
import { type openTracer, type Runtime, systemClock } from '#system';
import type { Shell } from '../../shell.ts';
import { version } from '../../version.ts';
import { logFailure, logRefused } from './logging.ts';

type Tracer = Awaited<ReturnType<typeof openTracer>>;

/** The listening side of `viv serve`: one server, or two if the management API has an address of its own. */
export class Servers {
  readonly #server: HttpServer;
  readonly #admin: HttpServer | undefined;
  readonly #managed: Management | undefined;
  readonly #sockets: Sockets;
  readonly #deployment: Deployment;
  #config: ServeConfig;
  #socketRoutes: SocketRoutes | undefined;
  #draining = false;

  /** @throws {ServerError} `SERVER_INVALID_ROUTE` if two WebSockets have the same place */
  constructor(shell: Shell, runtime: Runtime, deployment: Deployment, config: ServeConfig, tracer: Tracer) {
    this.#deployment = deployment;
    this.#config = config;
    const requests = new RequestMetrics();
    const health = healthRoutes(() => !this.#draining && isReady(runtime, deployment));
    const beside = [...health, metricsRoute(runtime, requests, config.server.metrics === 'open')];
    const tokens = () => this.#config.tokens ?? [];
    const sockets = { closeMs: config.server.drainIdleMs };
    this.#managed =
      tokens().length === 0
        ? undefined
        : management(runtime, { tokens, clock: systemClock, version: version(), beside, sockets });
    this.#sockets = this.#managed?.sockets ?? new Sockets(runtime, systemClock, sockets);
    const own = new InternalRoutes(this.#managed ?? { routes: beside });
    const common = {
      tracer,
      onAnswered: requests.count.bind(requests),
      onRefused: logRefused(shell),
      onError: (error: unknown, path: string) => logFailure(shell, 'failed', { path }, error, path),
    };
    const { management: apart } = config;
    this.#server = new HttpServer((head) => deployment.find(head), {
      ...config.server,
      ...common,
      internal: apart === undefined ? own : new InternalRoutes({ routes: health }),
      sockets: () => this.#socketRoutes,
    });
    if (apart !== undefined) {
      const nothing = () => new Response(null, { status: 404 });
      this.#admin = new HttpServer(() => ({ web: nothing }), { ...config.server, ...common, ...apart, internal: own });
    }
    this.#route(config);
  }

  /** @throws {ServerError} `SERVER_CANNOT_LISTEN` */
  async listen(): Promise<{ readonly url: string; readonly management?: string }> {
    const { url } = await this.#server.listen();
    const admin = await this.#admin?.listen();
    return admin === undefined ? { url } : { url, management: admin.url };
  }

  /** Looks at a configuration that was read again, before anything of it takes effect. @throws {ServerError} `SERVER_INVALID_CONFIG` */
  check(config: ServeConfig): void {
    this.#server.checkRenewal(config.server.tls);
    if (config.management !== undefined) this.#admin?.checkRenewal(config.management.tls);
  }

  /** Uses the certificates, the tokens and the WebSockets of a configuration that was read again. @throws {ServerError} */
  renew(config: ServeConfig): void {
    this.#server.renew(config.server.tls);
    if (config.management !== undefined) this.#admin?.renew(config.management.tls);
    this.#route(config);
    // What else the file says of the server takes effect at a start, where options of the command line may take its place.
    this.#config = { ...config, server: this.#config.server };
  }

  /** Ends gracefully: first it only says that it is not ready, for as long as a balancer needs to notice. */
  async drain(): Promise<void> {
    this.#draining = true;
    const { drainDelayMs = 0 } = this.#config.server;
    if (drainDelayMs > 0) await wait(systemClock, drainDelayMs);
    // Sockets stay open as long as their clients want, so that a drain would wait for them.
    this.#managed?.[Symbol.dispose]();
    this.#sockets[Symbol.dispose]();
    const ms = this.#config.server.drainTimeoutMs ?? 10_000;
    await Promise.all([this.#server.drain(ms), this.#admin?.drain(ms)]);
    this.#deployment.tellRefused();
  }

  #route({ sockets = [], server }: ServeConfig): void {
    const { handles } = this.#deployment;
    const scheme = server.tls === undefined ? 'http' : 'https';
    this.#socketRoutes = new SocketRoutes(sockets, handles, scheme, (handle, connection) =>
      this.#sockets.open(handle, connection),
    );
  }
}

/** Whether any component can answer. One that failed must not take the requests of its neighbours from this process. */
function isReady(runtime: Runtime, { handles }: Deployment): boolean {
  return [...handles.values()].some((handle) => ['ready', 'handling', 'waiting'].includes(runtime.state(handle)));
}
