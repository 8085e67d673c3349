// Takes memory until it gets none.
import { defineActor } from 'vivarium/guest';

const hoard: Uint8Array[] = [];

export const lifecycle = {
  ...defineActor({ name: 'greedy', version: '1.0.0' }),
  handleMessage(): undefined {
    for (;;) hoard.push(new Uint8Array(1 << 20).fill(1));
  },
};
