export {
  type ComponentMessage,
  type MessageFailure,
  type MessageFailureTag,
  type MessageMetadata,
  messageFailureOf,
  type OutgoingMessage,
  readableMessage,
  type Timestamp,
  timestampOf,
} from './message.ts';
