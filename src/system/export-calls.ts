import type { ComponentHandle } from '#core';
import { isVivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { RuntimeEngine, Turn } from '#core/ports/engine';
import type { Router } from '#messaging';
import type { ResourceCalls } from '#runtime/resources';
import type { ActorSupervisor } from './actor-supervisor.ts';
import { BoundedCall, timedOut } from './bounded-call.ts';
import { aborted } from './ended.ts';
import { tellingFailure } from './failing-turn.ts';

export interface ExportCallsPorts {
  readonly engine: () => RuntimeEngine;
  readonly router: () => Router;
  readonly supervisor: () => ActorSupervisor;
  readonly clock: () => Clock;
}

/** Bounds after which the caller gives a call up. */
export interface CallBounds {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** Runs calls of exports and of resources' methods, and drops of resources. Each is a turn of its own and precedes waiting messages. */
export class ExportCalls implements ResourceCalls {
  readonly #ports: ExportCallsPorts;

  constructor(ports: ExportCallsPorts) {
    this.#ports = ports;
  }

  /** Calls an export. The time-out or the signal may give the call up before its turn begins and while it runs. */
  async call(
    handle: ComponentHandle,
    name: string,
    args: readonly unknown[],
    { signal, timeoutMs }: CallBounds = {},
  ): Promise<unknown> {
    const engine = this.#ports.engine();
    const { state } = engine.lifecycle(handle);
    if (state === 'failed' && !this.#ports.supervisor().isSupervised(handle)) throw engine.refusal(handle);
    if (signal === undefined && timeoutMs === undefined) {
      return this.#turn(handle, () => engine.callExport(handle, name, args));
    }
    const call = new BoundedCall((began) => engine.callExport(handle, name, args, began));
    const stopTimer =
      timeoutMs === undefined
        ? undefined
        : this.#ports.clock().after(timeoutMs, () => call.giveUp(timedOut(name, timeoutMs)));
    const onAbort = (): void => call.giveUp(aborted(signal as AbortSignal));
    signal?.addEventListener('abort', onAbort, { once: true });
    return call.of(this.#turn(handle, call.run, call.begin)).finally(() => {
      stopTimer?.();
      signal?.removeEventListener('abort', onAbort);
    });
  }

  async drop(handle: ComponentHandle): Promise<void> {
    const engine = this.#ports.engine();
    // The resources of an instance ended with it.
    if (!engine.takesTurns(handle)) return;
    await this.#turn(handle, () => engine.dropResources(handle));
  }

  #turn<T>(handle: ComponentHandle, run: () => Turn<T>, begin: () => void = () => {}): Promise<T> {
    const work = (): Turn<T> => {
      begin();
      return tellingFailure(run, (error) => {
        if (isVivariumError(error)) this.#ports.supervisor().failed(handle, error);
      });
    };
    return this.#ports.router().runTask(handle, work, true);
  }
}
