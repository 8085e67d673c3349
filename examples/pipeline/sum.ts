// Adds up what comes, and tells the sum at the end.
import { defineActor, publish } from 'vivarium/guest';
import { askFor, STAGES, WINDOW } from './stage.ts';

let sum = 0;

export const lifecycle = defineActor({
  name: 'sum',
  version: '1.0.0',
  onStart: () => askFor(STAGES.square, WINDOW),
  operations: {
    item(value: number | null): void {
      if (value === null) publish('pipeline/done', `${sum}`);
      else {
        sum += value;
        askFor(STAGES.square, 1);
      }
    },
  },
});
