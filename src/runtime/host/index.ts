export { environmentOf } from './environment.ts';
export { type HostCaller, TurnCaller } from './host-caller.ts';
export { HostLinker } from './host-linker.ts';
export type { CurrentStore, Environment, HostState, LogChannel, LogRecord } from './host-state.ts';
export { isFromEmbedder, resolveImports } from './imports.ts';
