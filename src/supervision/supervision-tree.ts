import { type ComponentHandle, formatComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import { allow } from '#core/options';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import type { Supervisor } from '#core/ports/supervisor';
import type { Supervised } from './child.ts';
import { SupervisionError } from './errors.ts';
import {
  checkSupervision,
  RESTART,
  type RestartType,
  resolveSupervisorOptions,
  SUPERVISOR,
  type SupervisorOptions,
} from './options.ts';
import { SupervisorNode } from './supervisor-node.ts';

/** The effects of supervision on actors, which the system carries out. */
export interface ActorControl {
  /** Stops the actor from beginning turns; messages wait. */
  halt(handle: ComponentHandle, reason: VivariumError): void;
  /** Ends the instance, if there still is one. */
  stop(handle: ComponentHandle, reason: VivariumError): Promise<void>;
  /** Makes a fresh instance and allows turns to begin. */
  start(handle: ComponentHandle, reason: VivariumError): Promise<void>;
  /** Unloads the actor. */
  abandon(handle: ComponentHandle, reason: VivariumError): Promise<void>;
}

/** What `runtime.on('restart')` reports. */
export interface RestartEvent {
  readonly handle: ComponentHandle;
  readonly supervisor: string;
  readonly reason: VivariumError;
  /** The restarts in the supervisor's window, including this one. */
  readonly restarts: number;
  /** Milliseconds until the start. */
  readonly delayMs: number;
}

/** How one actor is supervised. Without a named supervisor it gets one of its own. */
export interface ActorSupervision extends SupervisorOptions {
  /** `transient` by default. */
  readonly restart?: RestartType | undefined;
  /** The name of an existing supervisor. Its options apply, not those given here. */
  readonly supervisor?: string | undefined;
}

/** The rules for how an actor is supervised. */
export const ACTOR_SUPERVISION: allow.OptionRules<ActorSupervision> = {
  ...SUPERVISOR,
  restart: RESTART,
  supervisor: allow.text,
};
const ACTOR_RULE = allow.options(ACTOR_SUPERVISION);
const SUPERVISOR_RULE = allow.options(SUPERVISOR);

export interface SupervisionPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly control: ActorControl;
  readonly onRestart?: ((event: RestartEvent) => void) | undefined;
  /** Called when a supervisor gave up and no supervisor above restarts it: its actors are unloaded. */
  readonly onGiveUp?: ((supervisor: string, reason: VivariumError) => void) | undefined;
}

/** The actor as a supervisor sees it. */
class SupervisedActor implements Supervised {
  readonly handle: ComponentHandle;
  readonly name: string;
  readonly #control: ActorControl;

  constructor(handle: ComponentHandle, control: ActorControl) {
    this.handle = handle;
    this.name = formatComponentId(handle.id);
    this.#control = control;
  }

  halt(reason: VivariumError): void {
    this.#control.halt(this.handle, reason);
  }

  stop(reason: VivariumError): Promise<void> {
    return this.#control.stop(this.handle, reason);
  }

  start(reason: VivariumError): Promise<void> {
    return this.#control.start(this.handle, reason);
  }

  abandon(reason: VivariumError): Promise<void> {
    return this.#control.abandon(this.handle, reason);
  }
}

interface Place {
  readonly node: SupervisorNode;
  readonly actor: SupervisedActor;
}

/** All supervisors of a runtime, nested as they were made. An actor without a supervisor stays failed. */
export class SupervisionTree implements Supervisor {
  readonly #ports: SupervisionPorts;
  readonly #named = new Map<string, SupervisorNode>();
  readonly #places = new Map<ComponentHandle, Place>();

  constructor(ports: SupervisionPorts) {
    this.#ports = ports;
  }

  /**
   * Makes a supervisor.
   * @param parent the supervisor of which it is a permanent child; without one, nobody restarts it when it gives up
   * @throws {SupervisionError} `SUPERVISION_INVALID`
   */
  addSupervisor(name: string, options: SupervisorOptions = {}, parent?: string): void {
    checkSupervision(name ?? null, allow.text, 'name');
    checkSupervision(options, SUPERVISOR_RULE);
    checkSupervision(parent, allow.text, 'parent');
    if (this.#named.has(name)) throw invalid(`a supervisor ${name} exists already`);
    const above = parent === undefined ? undefined : this.#find(parent);
    const node = this.#node(name, options, above);
    above?.add(node, 'permanent');
    this.#named.set(name, node);
  }

  /** Checks whether an actor could be supervised like this. @throws {SupervisionError} `SUPERVISION_INVALID` */
  check(supervision: ActorSupervision): void {
    checkSupervision(supervision, ACTOR_RULE);
    if (supervision.supervisor !== undefined) this.#find(supervision.supervisor);
  }

  /** Puts a running actor under supervision. @throws {SupervisionError} `SUPERVISION_INVALID` */
  addActor(handle: ComponentHandle, supervision: ActorSupervision): void {
    this.check(supervision);
    if (this.#places.has(handle)) throw invalid(`${formatComponentId(handle.id)} is supervised already`);
    const actor = new SupervisedActor(handle, this.#ports.control);
    const node =
      supervision.supervisor === undefined
        ? this.#node(actor.name, supervision, undefined)
        : this.#find(supervision.supervisor);
    node.add(actor, supervision.restart ?? 'transient');
    this.#places.set(handle, { node, actor });
  }

  /** Ends the supervision of an actor that is being unloaded. */
  removeActor(handle: ComponentHandle): void {
    const place = this.#places.get(handle);
    place?.node.remove(place.actor);
    this.#places.delete(handle);
  }

  isSupervised(handle: ComponentHandle): boolean {
    return this.#places.has(handle);
  }

  failed(handle: ComponentHandle, reason: VivariumError): void {
    const place = this.#places.get(handle);
    place?.node.childFailed(place.actor, reason);
  }

  #find(name: string): SupervisorNode {
    const node = this.#named.get(name);
    if (node === undefined) throw invalid(`there is no supervisor ${name}; make it first`);
    return node;
  }

  #node(name: string, options: SupervisorOptions, parent: SupervisorNode | undefined): SupervisorNode {
    const { clock, random, onRestart, onGiveUp } = this.#ports;
    const node = new SupervisorNode(name, resolveSupervisorOptions(options), {
      clock,
      random,
      onRestart: ({ child, supervisor, reason, restarts, delayMs }) => {
        if (child instanceof SupervisedActor) {
          onRestart?.({ handle: child.handle, supervisor, reason, restarts, delayMs });
        }
      },
    });
    const escalate = (reason: VivariumError): void => {
      if (parent !== undefined) parent.childFailed(node, reason);
      else {
        onGiveUp?.(name, reason);
        void node.abandon(reason);
      }
    };
    node.escalate = escalate;
    return node;
  }
}

function invalid(message: string): SupervisionError {
  return new SupervisionError('SUPERVISION_INVALID', message);
}
