import type { ComponentHandle } from '#core';
import type { VivariumError } from '#core/errors';
import type { Quota } from '#core/limits';
import type { ComponentAuthority } from '#core/ports/authority';
import type { Stdio } from '#core/ports/bytes';
import type { Preopen } from '#core/ports/files';
import type { ComponentNetwork } from '#core/ports/network';
import type { KeyValueNamespace } from '#core/ports/storage';
import type { FileGuard } from '#security/access';
import type { HostCaller } from './host-caller.ts';

/** `stdout` and `stderr` are what a component printed; the others are levels of `host-services.log`. */
export type LogChannel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'stdout' | 'stderr';

/** One line of a component's log. Text is the guest's own: neutralise it before it reaches a terminal. */
export interface LogRecord {
  readonly handle: ComponentHandle;
  readonly channel: LogChannel;
  readonly message: string;
  readonly context: readonly (readonly [key: string, value: string])[];
}

/** A component's environment variables: those that it was given, and those of the host that it may read now. */
export type Environment = () => readonly (readonly [name: string, value: string])[];

/** What the host functions need to know of the store that calls them. One for each store. */
export interface HostState {
  readonly handle: ComponentHandle;
  /** What an embedder's function is told of the turn that runs. */
  readonly caller: HostCaller;
  readonly authority: ComponentAuthority;
  /** What meets its component's imports. */
  readonly imports: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly args: readonly string[];
  readonly preopens: readonly Preopen[];
  readonly network: ComponentNetwork;
  readonly stdio: Stdio;
  /** Bytes that the host keeps on its behalf, beside its own memory. */
  readonly hostMemory: Quota;
  /** Aborted when the store ends: what it began outside itself ends with it. */
  readonly ending: AbortSignal;
  /** Its files; all are closed when the store ends. */
  files(): FileGuard;
  /** Opened at the first use: most components store nothing. */
  storage(): KeyValueNamespace;
  /** Does something once when the turn that runs has ended, whichever way. */
  afterTurn(task: () => void): void;
  log(channel: LogChannel, message: string, context: LogRecord['context']): void;
  /**
   * Told of bytes that are copied out of the guest in one lift; too many end the store. Lists that overlap could make a
   * small memory fill the host's.
   */
  lift(bytes: number): void;
  /** The lift has ended; the next one counts from nothing. */
  lifted(): void;
  /** Ends the running call so that the guest cannot catch it, and the store with it. Never returns. */
  stop(reason: VivariumError): never;
  /** The same for what was thrown out of the guest's code. */
  trap(thrown: unknown): never;
}

/**
 * The store that calls a host function. Host functions are made once and shared by all stores, like a linker's; the
 * caller is the store of the turn that runs.
 */
export interface CurrentStore {
  readonly state: HostState;
}
