import type { ComponentHandle } from '#core';
import { isVivariumError, type VivariumError } from '#core/errors';
import { allow } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type { RuntimeEngine } from '#core/ports/engine';
import type { Random } from '#core/ports/random';
import type { Supervisor } from '#core/ports/supervisor';
import type { Router } from '#messaging';
import {
  ACTOR_SUPERVISION,
  type ActorControl,
  type ActorSupervision,
  checkSupervision,
  HEALTH,
  HealthChecks,
  type HealthStatus,
  SUPERVISOR,
  SupervisionTree,
  type SupervisorOptions,
} from '#supervision';
import type { Admission } from './admission.ts';
import type { Directory } from './directory.ts';
import type { RuntimeEmitter } from './events.ts';
import type { SupervisionOptions } from './options.ts';

const SUPERVISION: allow.OptionRules<SupervisionOptions> = {
  ...ACTOR_SUPERVISION,
  maxAttempts: allow.wholeNumber(1),
  health: allow.options(HEALTH),
};
const RULE = allow.options(SUPERVISION);

type NamedSupervisorOptions = SupervisorOptions & { readonly parent?: string };
const NAMED: allow.OptionRules<NamedSupervisorOptions> = { ...SUPERVISOR, parent: allow.text };
const NAMED_RULE = allow.options(NAMED);

export interface ActorSupervisorPorts {
  readonly engine: RuntimeEngine;
  readonly router: Router;
  readonly directory: Directory;
  readonly admission: Admission;
  readonly events: RuntimeEmitter;
  readonly clock: Clock;
  readonly random: Random;
}

/** Joins supervision to the engine's instances and the router's mailboxes, and unloads components. */
export class ActorSupervisor implements Supervisor, ActorControl {
  readonly #ports: ActorSupervisorPorts;
  readonly #tree: SupervisionTree;
  /** The failures that supervision was told of. */
  readonly #told = new WeakSet<VivariumError>();
  readonly #health: HealthChecks;

  constructor(ports: ActorSupervisorPorts) {
    const { clock, random, events } = ports;
    this.#ports = ports;
    this.#tree = new SupervisionTree({
      clock,
      random,
      control: this,
      onRestart: (event) => events.emit('restart', event),
      onGiveUp: (supervisor, reason) => events.emit('gave-up', { supervisor, reason }),
    });
    this.#health = new HealthChecks({
      clock,
      supervisor: this.#tree,
      check: (handle) => this.#askHealth(handle),
      onStatus: (handle, status) => events.emit('health', { handle, status }),
    });
  }

  addSupervisor(name: string, given: NamedSupervisorOptions): void {
    checkSupervision(given, NAMED_RULE, '');
    const { parent, ...options } = given;
    this.#tree.addSupervisor(name, options, parent);
  }

  /** Rejects invalid supervision options before the component is started. @throws `SUPERVISION_INVALID` */
  check(supervision: SupervisionOptions | undefined): void {
    if (supervision === undefined) return;
    checkSupervision(supervision, RULE);
    this.#tree.check(actorPart(supervision));
  }

  /** Puts a component that has just been loaded under supervision. @throws `SUPERVISION_INVALID` */
  watch(handle: ComponentHandle, supervision: SupervisionOptions): void {
    this.#tree.addActor(handle, actorPart(supervision));
    if (supervision.health !== undefined) this.#health.watch(handle, supervision.health);
  }

  isSupervised(handle: ComponentHandle): boolean {
    return this.#tree.isSupervised(handle);
  }

  /** Reports that a turn failed. Supervision acts only if the failure ended the instance. */
  failed(handle: ComponentHandle, reason: VivariumError): void {
    // Calls that ran side by side in one instance ended with it, and each of them reports that.
    const root =
      (reason.code === 'RUNTIME_INSTANCE_ENDED' ? (reason.cause as VivariumError | undefined) : undefined) ?? reason;
    if (this.#ports.engine.state(handle) !== 'failed' || this.#told.has(root)) return;
    this.#told.add(root);
    if (this.isSupervised(handle)) this.#tree.failed(handle, reason);
    else this.#ports.router.markFailed(handle);
  }

  /** Ends a component and forgets it. @throws `RUNTIME_NOT_FOUND` */
  async unload(handle: ComponentHandle, reason?: VivariumError): Promise<void> {
    const { engine, router, directory, admission } = this.#ports;
    this.#tree.removeActor(handle);
    this.#health.unwatch(handle);
    router.retire(handle, reason);
    try {
      await engine.unloadComponent(handle, reason?.message);
    } finally {
      router.remove(handle, reason);
      directory.remove(handle);
      admission.end(handle);
    }
  }

  halt(handle: ComponentHandle): void {
    this.#ports.router.suspend(handle);
  }

  stop(handle: ComponentHandle, reason: VivariumError): Promise<void> {
    return unlessUnloaded(this.#ports.engine.haltComponent(handle, `stopped: ${reason.message}`));
  }

  async start(handle: ComponentHandle, reason: VivariumError): Promise<void> {
    await unlessUnloaded(this.#ports.engine.restartComponent(handle, `restarted: ${reason.message}`));
    this.#ports.router.resume(handle);
  }

  abandon(handle: ComponentHandle, reason: VivariumError): Promise<void> {
    return unlessUnloaded(this.unload(handle, reason));
  }

  /** Calls the component's `health` in a turn of its own. A component without that export counts as healthy while its instance lives. */
  async #askHealth(handle: ComponentHandle): Promise<HealthStatus | 'ended'> {
    const { engine, router } = this.#ports;
    let ended = false;
    try {
      const status = await router.runTask(handle, {
        run: () => engine.callHealth(handle),
        // Beside others: an actor that always waits for something would otherwise never be asked.
        joins: true,
        // A full mailbox is no reason to call an actor ill.
        goesFirst: true,
        failed: (error) => {
          ended = engine.state(handle) === 'failed';
          if (isVivariumError(error)) this.failed(handle, error);
        },
      });
      return (status ?? 'healthy') as HealthStatus;
    } catch (error) {
      if (ended) return 'ended';
      throw error;
    }
  }
}

function actorPart({ maxAttempts: _, health: __, ...actor }: SupervisionOptions): ActorSupervision {
  return actor;
}

/** Ignores that the component is gone: the embedder may unload it at any moment, even between a failure and the restart. */
async function unlessUnloaded(done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (error) {
    if (!isVivariumError(error, 'RUNTIME_NOT_FOUND')) throw error;
  }
}
