export { messageLane, type TurnRunner } from './actor-cell.ts';
export { ActorRef, type AnswerOf, type CallOf, type Protocol } from './actor-ref.ts';
export type { Codec, CodecName } from './codecs.ts';
export type { MessageCounters } from './counters.ts';
export type { DeadLetter, DeadLetterOptions, DeadLetterReason } from './dead-letters.ts';
export type { MessageFields } from './delivery.ts';
export type { DispatcherOptions } from './dispatcher.ts';
export { MessagingError, type MessagingErrorCode } from './errors.ts';
export type { EventLoop } from './event-loop.ts';
export { GuestMessaging } from './guest-messaging.ts';
export {
  checkRequest,
  HostMessaging,
  type HostTopic,
  type RequestOptions,
  type SubscribeOptions,
  type TopicListener,
} from './host-messaging.ts';
export { HostTask, type HostWork } from './host-task.ts';
export {
  checkMailbox,
  type MailboxOptions,
  type Overflow,
} from './mailbox.ts';
export { type ActorOptions, type MessagingOptions, Router, type RouterOptions } from './router.ts';
