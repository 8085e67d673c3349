export { lastFirst, leadsBack, reached } from './chains.ts';
export type { ComponentSettings, ServeConfig, SocketRouteSettings } from './config.ts';
export { parseConfig } from './parse.ts';
export { readConfig } from './read.ts';
