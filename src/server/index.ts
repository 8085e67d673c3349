export { readConfig, type ServeConfig } from '#server/config';
export { Deployment, type DeploymentChange } from './deployment.ts';
export { ServerError, type ServerErrorCode } from './errors.ts';
export { healthRoutes } from './health-routes.ts';
export { type Answer, HttpServer, type HttpServerOptions } from './http-server.ts';
export {
  type Authorize,
  type InternalContext,
  type InternalRoute,
  InternalRoutes,
  type UpgradeRoute,
} from './internal-routes.ts';
export { ComponentTools } from './mcp/component-tools.ts';
export { serveMcpStdio } from './mcp/serve-stdio.ts';
export { parseRoute, Routes } from './routes.ts';
