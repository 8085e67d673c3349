// Squares numbers; null, the end, goes through as it is.
import { defineActor } from 'vivarium/guest';
import { askFor, Output, STAGES, WINDOW } from './stage.ts';

const output = new Output(STAGES.sum);

export const lifecycle = defineActor({
  name: 'square',
  version: '1.0.0',
  onStart: () => askFor(STAGES.source, WINDOW),
  operations: {
    item(value: number | null): void {
      output.put(value === null ? null : value * value);
    },
    grant(items: number): void {
      output.grant(items);
      askFor(STAGES.source, items);
    },
  },
});
