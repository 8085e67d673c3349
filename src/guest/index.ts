export {
  type ActorDefinition,
  type Awaitable,
  defineActor,
  type Lifecycle,
  type Operations,
  type ProtocolOf,
  type Reply,
} from './actor.ts';
export { ActorError, type ActorErrorTag, MessageError } from './errors.ts';
export {
  ask,
  broadcast,
  cancelRequest,
  listComponents,
  log,
  now,
  publish,
  type ReplyHandler,
  type RequestOptions,
  request,
  self,
  send,
  sleep,
  storage,
  subscribe,
  unsubscribe,
} from './host.ts';
export type { Message } from './message.ts';
export { type SocketEvent, sendToSocket } from './socket.ts';
export type {
  ActorConfig,
  ComponentId,
  HealthStatus,
  LogLevel,
  MessageFailureTag,
  Target,
  Value,
  WitConfig,
  WitMessage,
  WitMetadata,
} from './types.ts';
export { decodeUtf8, encodeUtf8 } from './utf8.ts';
