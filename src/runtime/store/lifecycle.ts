import { type Actor, createActor, setup } from 'xstate';
import type { ComponentHandle } from '#core';
import type { ComponentState, LifecyclePhase } from '#core/ports/engine';
import { RuntimeError } from '../errors.ts';

/** What the turn of a `ready` component is doing. */
export type TurnActivity = 'idle' | 'handling' | 'waiting';

/** The events that move a component from one state to the next. */
export type LifecycleEvent =
  | { readonly type: 'loaded' }
  | { readonly type: 'initialized' }
  | { readonly type: 'fail' }
  | { readonly type: 'restart' }
  | { readonly type: 'drain' }
  | { readonly type: 'stop' };

export interface StateChange {
  readonly handle: ComponentHandle;
  readonly from: ComponentState;
  readonly to: ComponentState;
  readonly reason: string;
}

const end = { fail: 'failed', drain: 'draining', stop: 'stopped' } as const;

/**
 * A component passes through loading → initializing → ready → draining → stopped; it may also fail and restart. A message is not a
 * transition: a flag beside the machine says that a turn runs, so that xstate costs nothing for each message.
 */
const machine = setup({ types: { events: {} as LifecycleEvent } }).createMachine({
  id: 'component',
  initial: 'loading',
  states: {
    loading: { on: { loaded: 'initializing', ...end } },
    initializing: { on: { initialized: 'ready', ...end } },
    ready: { on: end },
    failed: { on: { restart: 'restarting', stop: 'stopped' } },
    restarting: { on: { loaded: 'initializing', ...end } },
    draining: { on: { fail: 'failed', stop: 'stopped' } },
    stopped: { type: 'final' },
  },
});

/** The life of one component. */
export class Lifecycle {
  readonly handle: ComponentHandle;
  readonly #actor: Actor<typeof machine>;
  readonly #changed: (change: StateChange) => void;
  #phase: LifecyclePhase;
  readonly #activity: () => TurnActivity;

  /** @param activity returns what the component's turns are doing now */
  constructor(
    handle: ComponentHandle,
    changed: (change: StateChange) => void,
    activity: () => TurnActivity = () => 'idle',
  ) {
    this.handle = handle;
    this.#activity = activity;
    this.#changed = changed;
    this.#actor = createActor(machine).start();
    this.#phase = this.#actor.getSnapshot().value;
  }

  /** Whether the component may be entered, drained or replaced depends on this; `state` is for showing. */
  get phase(): LifecyclePhase {
    return this.#phase;
  }

  get state(): ComponentState {
    if (this.#phase !== 'ready') return this.#phase;
    const activity = this.#activity();
    return activity === 'idle' ? 'ready' : activity;
  }

  /** Makes the transition and reports it. @throws {RuntimeError} `RUNTIME_WRONG_STATE` if the state does not allow it */
  move(event: LifecycleEvent['type'], reason: string): void {
    const snapshot = this.#actor.getSnapshot();
    if (!snapshot.can({ type: event })) {
      throw new RuntimeError('RUNTIME_WRONG_STATE', `a component that is ${this.state} cannot ${event}`, {
        details: { state: this.state },
      });
    }
    const from = this.state;
    this.#actor.send({ type: event });
    this.#phase = this.#actor.getSnapshot().value;
    this.#changed({ handle: this.handle, from, to: this.state, reason });
  }

  can(event: LifecycleEvent['type']): boolean {
    return this.#actor.getSnapshot().can({ type: event });
  }
}
