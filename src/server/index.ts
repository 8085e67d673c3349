export { ServerError, type ServerErrorCode } from './errors.ts';
export { type Answer, HttpServer, type HttpServerOptions } from './http-server.ts';
export { parseRoute, type Route, Routes } from './routes.ts';
