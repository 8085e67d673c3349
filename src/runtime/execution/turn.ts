import type { HostState } from '../host-state.ts';

/** One call into a store, from its first instruction until it has answered or failed. A store uses its turn again. */
export class Turn {
  readonly state: HostState;
  /** What generated code needs of the store: the state that the direct path made for it. */
  entry: object | undefined = undefined;
  /** The turn that called the host function in which this one was entered, or in which it went on. */
  outer: Turn | undefined = undefined;
  /** Whether it was resumed since it was entered, so that `outer` did not call it. */
  resumed = false;
  /** What the lanes hold of this turn while another one has the thread. */
  parked: readonly unknown[] | undefined = undefined;

  constructor(state: HostState) {
    this.state = state;
  }
}
