import type { ComponentHandle } from '#core';
import type { VivariumError } from '#core/errors';
import type { KeepingCall, Quota } from '#core/limits';
import type { HostContext } from '#core/ports/host-context';
import type { ServedRequest } from '#core/ports/serving';
import type { KeyValueNamespace } from '#core/ports/storage';
import type { OpenSpan } from '#core/ports/tracing';
import type { FileGuard } from '#security/access';
import type { TurnCaller } from './host-caller.ts';

/** `stdout` and `stderr` carry what a component printed; the others are levels of `host-services.log`. */
export type LogChannel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'stdout' | 'stderr';

/** One line of a component's log. The guest controls its text: neutralise it before it reaches a terminal. */
export interface LogRecord {
  readonly handle: ComponentHandle;
  readonly channel: LogChannel;
  readonly message: string;
  readonly context: readonly (readonly [key: string, value: string])[];
  /** The span in which the line was logged, as hex digits; undefined in a runtime without a tracer, and between turns. */
  readonly trace?: { readonly traceId: string; readonly spanId: string } | undefined;
}

/** The caller of a host function: what the function needs of the store that calls it. Each store has one. */
export interface HostState {
  readonly handle: ComponentHandle;
  /** Whether the turn that runs may wait for the promise that a host function answers. */
  readonly mayWait: boolean;
  /** What an embedder's function is told of the turn that runs. */
  readonly caller: TurnCaller;
  /** The HTTP request that the running call answers; undefined where it answers none. */
  readonly served: ServedRequest | undefined;
  /** What the component is given. */
  readonly context: HostContext;
  /** The implementations of the component's imports, by name. */
  readonly imports: Readonly<Record<string, unknown>>;
  /** The quota of bytes that the host keeps for the store, apart from the guest's own memory. */
  readonly hostMemory: Quota;
  /** The call for which the store runs, or ran last, where it may serve several side by side. */
  readonly currentCall: KeepingCall | undefined;
  /** The span of the turn that runs; undefined in a runtime without a tracer. */
  readonly span?: OpenSpan | undefined;
  /** Aborted when the store ends, so that whatever the store began outside itself ends too. */
  readonly ending: AbortSignal;
  /** The store's files. All of them are closed when the store ends. */
  files(): FileGuard;
  /** The component's storage. It is opened at the first use, because most components store nothing. */
  storage(): KeyValueNamespace;
  /** Runs a task once when the running turn has ended, however it ends. */
  afterTurn(task: () => void): void;
  log(channel: LogChannel, message: string, context: LogRecord['context']): void;
  /** Takes a line that was written to a standard error of the embedder's: it may say why the guest traps. */
  hear(line: string): void;
  /**
   * Counts bytes that one lift copies out of the guest, and ends the store if there are too many. Without this bound, a guest with a
   * small memory could fill the host's memory with lists that overlap.
   */
  lift(bytes: number): void;
  /** Resets the count, because the lift has ended. */
  lifted(): void;
  /** Ends the running call in a way that the guest cannot catch, and with it the store. Never returns. */
  stop(reason: VivariumError): never;
  /** Like `stop`, for an exception whose reason is not yet classified. Never returns. */
  trap(thrown: unknown): never;
}

/**
 * Finds the store of the turn that runs, for jco's glue, whose code is not told by which store it is called. The direct path
 * passes the store that it has.
 */
export interface CurrentStore {
  readonly state: HostState;
}
