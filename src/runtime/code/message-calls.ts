import { type ComponentMessage, type OutgoingMessage, readableMessage } from '#core/messages';
import type { MessageTurn, Turn } from '#core/ports/engine';

/** The exports of `vivarium:actor/lifecycle`. They return promises if the guest may be suspended. */
export interface Lifecycle {
  initialize(config: unknown): Turn<void>;
  handleMessage(message: ComponentMessage): Turn<Uint8Array | undefined>;
  handleCallback(message: ComponentMessage): Turn<void>;
  metadata(): Turn<unknown>;
  health(): Turn<string>;
  shutdown(): Turn<void>;
}

/** How messages enter a store. All stores of a component share these functions; `entryOf` finds what they call in one store. */
export interface MessageCalls {
  entryOf(lifecycle: object): object;
  handleMessage(entry: object, message: OutgoingMessage): MessageTurn<Uint8Array | undefined>;
  handleCallback(entry: object, message: OutgoingMessage): MessageTurn<void>;
}

/** Messages enter through jco's glue, which accepts texts only as strings. */
export const glueMessages: MessageCalls = {
  entryOf: (lifecycle) => lifecycle,
  handleMessage: (entry, message) => (entry as Lifecycle).handleMessage(readableMessage(message)),
  handleCallback: (entry, message) => (entry as Lifecycle).handleCallback(readableMessage(message)),
};
