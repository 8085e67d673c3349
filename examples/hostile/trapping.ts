// Fails in a way that it does not answer for: past `defineActor`, what it throws is a trap.
import { defineActor } from 'vivarium/guest';

export const lifecycle = {
  ...defineActor({ name: 'trapping', version: '1.0.0' }),
  handleMessage(): undefined {
    throw new Error('I give up');
  },
};
