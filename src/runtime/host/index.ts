export { Continuation } from './continuation.ts';
export { HostCall } from './host-call.ts';
export { type HostCaller, TurnCaller } from './host-caller.ts';
export { HostLinker, type HttpHandling, isFromHost, isOnlyForHost } from './host-linker.ts';
export type { CurrentStore, HostState, LogChannel, LogRecord } from './host-state.ts';
export { type GuestStream, HostStream, type StreamSink, type StreamSource } from './host-streams.ts';
export { cancellable, cancelPending } from './host-waits.ts';
export { isFromEmbedder, resolveImports } from './imports.ts';
export { isSpannedMethod, tracedMethod } from './traced-calls.ts';
