import { EventEmitter } from 'eventemitter3';
import type { CacheError } from '#cache';
import type { ComponentHandle } from '#core';
import type { VivariumError } from '#core/errors';
import type { DeadLetter } from '#messaging';
import type { LogRecord, StateChange } from '#runtime';
import type { Denial } from '#security/authority';
import type { HealthStatus, RestartEvent } from '#supervision';

/** The events of `runtime.on`. */
export interface RuntimeEvents {
  /** A component changed its state; with the reason. */
  readonly state: StateChange;
  /** A line that a component logged or printed. */
  readonly log: LogRecord;
  /** A message that no actor handled; with the reason. */
  readonly 'dead-letter': DeadLetter;
  /** A component tried something that it is not granted. Repetitions within ten seconds are counted and reported in one event. */
  readonly denied: Denial;
  /** Something other than a component failed, such as writing the audit log. */
  readonly warning: Warning;
  /** The artifact cache stopped using its disk because it is full, read-only or not safe. Components still load, but slower. */
  readonly cache: { readonly error: CacheError };
  /** A supervisor decided on a restart, which happens after `delayMs`. */
  readonly restart: RestartEvent;
  /** A supervisor had too many restarts and has no parent that restarts it: its components are unloaded. */
  readonly 'gave-up': { readonly supervisor: string; readonly reason: VivariumError };
  /** The health that a component reports has changed. */
  readonly health: { readonly handle: ComponentHandle; readonly status: HealthStatus };
}

export interface Warning {
  readonly message: string;
  readonly cause: unknown;
}

export class RuntimeEmitter {
  readonly #emitter = new EventEmitter();

  /**
   * Calls all listeners. A listener that throws stops neither the other listeners nor the runtime: its error becomes an
   * uncaught exception after the running code ends, like an error in a timer.
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
