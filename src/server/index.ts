export { leadsBack, readConfig, type ServeConfig } from '#server/config';
export { metricsRoute, RequestMetrics } from '#server/observability';
export { Deployment } from './deployment.ts';
export { ServerError, type ServerErrorCode } from './errors.ts';
export { healthRoutes } from './health-routes.ts';
export { type Answer, answeringAll, HttpServer } from './http-server.ts';
export type { HttpServerOptions } from './http-server-options.ts';
export {
  type Authorize,
  type InternalRoute,
  InternalRoutes,
  type UpgradeRoute,
} from './internal-routes.ts';
export { parseRoute, Routes } from './routes.ts';
export { SocketRoutes } from './socket-routes.ts';
