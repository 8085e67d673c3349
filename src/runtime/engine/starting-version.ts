import type { ComponentHandle } from '#core';
import { Lifecycle, type LoadedComponent, type StateChange } from '#runtime/store';

/**
 * A version of a component that starts, with its lifecycle. The lifecycle outlives the start, so its listeners are made here and hold
 * nothing else: those of a method would hold all that the method's other closures use, such as the version before this one, and
 * through it every version before.
 */
export class StartingVersion {
  readonly lifecycle: Lifecycle;
  /** Undefined until the component is compiled. */
  component: LoadedComponent | undefined;
  /** Whether its changes of state are told. */
  isTold: boolean;

  constructor(handle: ComponentHandle, onState: (change: StateChange) => void, isTold: boolean) {
    this.isTold = isTold;
    this.lifecycle = new Lifecycle(
      handle,
      (change) => {
        if (this.isTold) onState(change);
      },
      () => this.component?.activity ?? 'idle',
    );
  }
}
