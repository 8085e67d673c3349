import { type ComponentHandle, isVivariumError, type Turn } from '#core';
import type { Router } from '#messaging';
import type { JcoEngine, ResourceCalls } from '#runtime';
import type { ActorSupervisor } from './actor-supervisor.ts';
import { tellingFailure } from './failing-turn.ts';

export interface ExportCallsPorts {
  readonly engine: () => JcoEngine;
  readonly router: () => Router;
  readonly supervisor: () => ActorSupervisor;
}

/** Calls of exports and of resources' methods, and drops of resources: each is a turn, before messages that wait. */
export class ExportCalls implements ResourceCalls {
  readonly #ports: ExportCallsPorts;

  constructor(ports: ExportCallsPorts) {
    this.#ports = ports;
  }

  /** @param begin called when the turn begins; what it throws is not the component's failure */
  async call(
    handle: ComponentHandle,
    name: string,
    args: readonly unknown[],
    begin: () => void = () => {},
  ): Promise<unknown> {
    const engine = this.#ports.engine();
    const supervisor = this.#ports.supervisor();
    const { state } = engine.lifecycle(handle);
    if (state === 'failed' && !supervisor.isSupervised(handle)) throw engine.refusal(handle);
    return this.#turn(handle, () => engine.callExport(handle, name, args), begin);
  }

  async drop(handle: ComponentHandle): Promise<void> {
    const engine = this.#ports.engine();
    // Of a component that is gone nothing is left to be dropped.
    const state = engine.state(handle);
    if (state !== 'ready' && state !== 'draining') return;
    await this.#turn(handle, () => engine.dropResources(handle));
  }

  #turn<T>(handle: ComponentHandle, run: () => Turn<T>, begin: () => void = () => {}): Promise<T> {
    return this.#ports.router().runTask(handle, () => {
      begin();
      return tellingFailure(run, (error) => {
        if (isVivariumError(error)) this.#ports.supervisor().failed(handle, error);
      });
    });
  }
}
