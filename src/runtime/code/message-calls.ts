import { type ComponentMessage, type OutgoingMessage, readableMessage } from '#core/messages';
import type { Turn } from '#core/ports/engine';

/** The exports of `vivarium:actor/lifecycle`. They answer promises where the guest may be suspended. */
export interface Lifecycle {
  initialize(config: unknown): Turn<void>;
  handleMessage(message: ComponentMessage): Turn<Uint8Array | undefined>;
  handleCallback(message: ComponentMessage): Turn<void>;
  metadata(): Turn<unknown>;
  health(): Turn<string>;
  shutdown(): Turn<void>;
}

/** How messages enter a store: functions that all stores of a component share, given what `entryOf` found in one. */
export interface MessageCalls {
  entryOf(lifecycle: object): object;
  handleMessage(entry: object, message: OutgoingMessage): Turn<Uint8Array | undefined>;
  handleCallback(entry: object, message: OutgoingMessage): Turn<void>;
}

/** Through jco's glue, which takes strings alone. */
export const glueMessages: MessageCalls = {
  entryOf: (lifecycle) => lifecycle,
  handleMessage: (entry, message) => (entry as Lifecycle).handleMessage(readableMessage(message)),
  handleCallback: (entry, message) => (entry as Lifecycle).handleCallback(readableMessage(message)),
};
