export { ComponentTools } from './component-tools.ts';
export { mcpHandler } from './serve-http.ts';
export { serveMcpStdio } from './serve-stdio.ts';
