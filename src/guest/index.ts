export { type ActorDefinition, defineActor, type Lifecycle, type ProtocolOf, type Reply } from './actor.ts';
export { ActorError, MessageError } from './errors.ts';
export {
  broadcast,
  cancelRequest,
  listComponents,
  log,
  now,
  publish,
  request,
  self,
  send,
  storage,
  subscribe,
  unsubscribe,
} from './host.ts';
export type { Message } from './message.ts';
export type { ActorConfig, ComponentId, HealthStatus, Target, Value } from './types.ts';
export { decodeUtf8, encodeUtf8 } from './utf8.ts';
