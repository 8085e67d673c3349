export { ComponentTools } from './component-tools.ts';
export { serveMcpStdio } from './serve-stdio.ts';
