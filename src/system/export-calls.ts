import type { ComponentHandle } from '#core';
import { isVivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { EndCall, MessageTurn, RuntimeEngine } from '#core/ports/engine';
import { HostTask, type Router } from '#messaging';
import type { ResourceCalls } from '#runtime/resources';
import type { ActorSupervisor } from './actor-supervisor.ts';
import { BoundedCall, timedOut } from './bounded-call.ts';
import { aborted } from './ended.ts';

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
  readonly #ports: () => ResolvedPorts;

  constructor(ports: ExportCallsPorts) {
    let resolved: ResolvedPorts | undefined;
    const resolvedOnce = (): ResolvedPorts => {
      resolved ??= resolve(ports);
      return resolved;
    };
    this.#ports = resolvedOnce;
  }

  /** Calls an export. The time-out or the signal may give the call up before its turn begins and while it runs. */
  call(
    handle: ComponentHandle,
    name: string,
    args: readonly unknown[],
    { signal, timeoutMs }: CallBounds = NO_BOUNDS,
  ): Promise<unknown> {
    const ports = this.#ports();
    const { engine, router, supervisor } = ports;
    // An asynchronous function around this one would be a promise and three rounds of microtasks for each call.
    try {
      const { state } = engine.lifecycle(handle);
      if (state === 'failed' && !supervisor.isSupervised(handle)) throw engine.refusal(handle);
      if (signal === undefined && timeoutMs === undefined) {
        return router.runTask(handle, new CallTurn(ports, name, args));
      }
      return this.#bounded(handle, new BoundedTurn(ports, name, args), signal, timeoutMs);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #bounded(
    handle: ComponentHandle,
    turn: BoundedTurn,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
  ): Promise<unknown> {
    const { router, clock } = this.#ports();
    const { bounds: call, name } = turn;
    const stopTimer =
      timeoutMs === undefined ? undefined : clock.after(timeoutMs, () => call.giveUp(timedOut(name, timeoutMs)));
    const onAbort = (): void => call.giveUp(aborted(signal as AbortSignal));
    signal?.addEventListener('abort', onAbort, { once: true });
    return call.of(router.runTask(handle, turn)).finally(() => {
      stopTimer?.();
      signal?.removeEventListener('abort', onAbort);
    });
  }

  async drop(handle: ComponentHandle): Promise<void> {
    const ports = this.#ports();
    const { engine, router } = ports;
    // The resources of an instance ended with it.
    if (!engine.takesTurns(handle)) return;
    await router.runTask(handle, {
      joins: true,
      run: () => engine.dropResources(handle),
      failed: (error) => tellFailure(ports, handle, error),
    });
  }
}

type ResolvedPorts = { readonly [Name in keyof ExportCallsPorts]: ReturnType<ExportCallsPorts[Name]> };

function resolve({ engine, router, supervisor, clock }: ExportCallsPorts): ResolvedPorts {
  return { engine: engine(), router: router(), supervisor: supervisor(), clock: clock() };
}

const NO_BOUNDS: CallBounds = {};
const NO_ARGUMENTS: readonly unknown[] = [];

function tellFailure({ supervisor }: ResolvedPorts, handle: ComponentHandle, error: unknown): void {
  if (isVivariumError(error)) supervisor.failed(handle, error);
}

/** The turn of one call of an export. */
class CallTurn extends HostTask {
  readonly name: string;
  readonly #ports: ResolvedPorts;
  #args: readonly unknown[];

  constructor(ports: ResolvedPorts, name: string, args: readonly unknown[]) {
    super();
    this.#ports = ports;
    this.name = name;
    this.#args = args;
  }

  override get joins(): boolean {
    return true;
  }

  run(): MessageTurn<unknown> {
    return this.called();
  }

  override failed(error: unknown): void {
    tellFailure(this.#ports, this.actor.handle, error);
  }

  called(began?: (end: EndCall) => void): MessageTurn<unknown> {
    const args = this.#args;
    // A call that waits keeps nothing that it does not need any more.
    this.#args = NO_ARGUMENTS;
    return this.#ports.engine.callExport(this.actor.handle, this.name, args, began);
  }
}

/** The turn of a call that its caller may give up. */
class BoundedTurn extends CallTurn {
  readonly bounds = new BoundedCall((began) => this.called(began));
  /** Whether it has begun, so that a failure is the component's and not the caller's. */
  #runs = false;

  override run(): MessageTurn<unknown> {
    this.bounds.begin();
    this.#runs = true;
    return this.bounds.run();
  }

  override failed(error: unknown): void {
    if (this.#runs) super.failed(error);
  }
}
