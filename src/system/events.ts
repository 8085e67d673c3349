import { EventEmitter } from 'eventemitter3';
import type { CacheError } from '#cache';
import type { ComponentHandle } from '#core';
import type { VivariumError } from '#core/errors';
import type { DeadLetter } from '#messaging';
import type { LogRecord, StateChange } from '#runtime';
import type { Denial } from '#security/authority';
import type { HealthStatus, RestartEvent } from '#supervision';

/** What `runtime.on` tells of. */
export interface RuntimeEvents {
  /** A transition of a component's life, with its reason. */
  readonly state: StateChange;
  /** A line that a component logged or printed. */
  readonly log: LogRecord;
  /** A message that reached nobody, with the reason. */
  readonly 'dead-letter': DeadLetter;
  /** Something that a component tried and was not granted; what it tries again within ten seconds is counted, and told once. */
  readonly denied: Denial;
  /** Something is wrong beside the components, such as an audit log that cannot be written. */
  readonly warning: Warning;
  /** The artifact cache lost its disk, and why: full, read-only, not safe. Components load without it, only slower. */
  readonly cache: { readonly error: CacheError };
  /** A restart was decided; it happens after `delayMs`. */
  readonly restart: RestartEvent;
  /** A supervisor had too many restarts and nobody above restarts it: its components are unloaded. */
  readonly 'gave-up': { readonly supervisor: string; readonly reason: VivariumError };
  /** What a component says of its health has changed. */
  readonly health: { readonly handle: ComponentHandle; readonly status: HealthStatus };
}

export interface Warning {
  readonly message: string;
  readonly cause: unknown;
}

export class RuntimeEmitter {
  readonly #emitter = new EventEmitter();

  /**
   * Tells all listeners. One that throws keeps neither the others nor the runtime from going on: its error becomes an
   * uncaught exception, as that of a timer does, once the running code is done.
   */
  emit<E extends keyof RuntimeEvents>(event: E, detail: RuntimeEvents[E]): void {
    for (const listener of this.#emitter.listeners(event)) {
      try {
        listener(detail);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** @returns a function that ends the subscription */
  on<E extends keyof RuntimeEvents>(event: E, listener: (detail: RuntimeEvents[E]) => void): () => void {
    this.#emitter.on(event, listener);
    return () => this.#emitter.off(event, listener);
  }
}
