// Makes the numbers from 1 to a limit, but only when the next stage asks for them.
import { defineActor } from 'vivarium/guest';
import { Output, STAGES } from './stage.ts';

const output = new Output(STAGES.square);
let next = 1;
let limit = 0;

function fill(): void {
  while (output.credit > 0 && next <= limit) output.put(next++);
  if (output.credit > 0 && next === limit + 1) {
    output.put(null);
    next += 1;
  }
}

export const lifecycle = defineActor({
  name: 'source',
  version: '1.0.0',
  operations: {
    start(numbers: number): void {
      limit = numbers;
      fill();
    },
    grant(items: number): void {
      output.grant(items);
      if (limit > 0) fill();
    },
  },
});
