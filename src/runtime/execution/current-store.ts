import type { CurrentStore } from '#runtime/host';
import { execution } from './execution.ts';

/** The store of the turn that runs. */
export const currentStore: CurrentStore = {
  get state() {
    return execution.running.state;
  },
};
