import { type ComponentMessage, type OutgoingMessage, readableMessage } from '#core';

/** The exports of `vivarium:actor/lifecycle` as jco gives them. */
export interface Lifecycle {
  initialize(config: unknown): void;
  handleMessage(message: ComponentMessage): Uint8Array | undefined;
  handleCallback(message: ComponentMessage): void;
  metadata(): unknown;
  health(): string;
  shutdown(): void;
}

/** How messages enter a store: functions that all stores of a component share, given what `entryOf` found in one. */
export interface MessageCalls {
  entryOf(lifecycle: object): object;
  handleMessage(entry: object, message: OutgoingMessage): Uint8Array | undefined;
  handleCallback(entry: object, message: OutgoingMessage): void;
}

/** Through jco's glue, which takes strings alone. */
export const glueMessages: MessageCalls = {
  entryOf: (lifecycle) => lifecycle,
  handleMessage: (entry, message) => (entry as Lifecycle).handleMessage(readableMessage(message)),
  handleCallback: (entry, message) => (entry as Lifecycle).handleCallback(readableMessage(message)),
};
