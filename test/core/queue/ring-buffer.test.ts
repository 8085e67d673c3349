import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RingBuffer } from '../../../src/core/queue/index.ts';

it('a ring buffer does what an array does as a queue, however it grows and empties', () => {
  const step = fc.oneof(fc.record({ push: fc.nat(60) }), fc.record({ shift: fc.nat(60) }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [queue, model]: [RingBuffer<number>, number[]] = [new RingBuffer(), []];
      let next = 0;
      for (const each of steps) {
        if ('push' in each) {
          for (let n = 0; n < each.push; n++, next++) {
            queue.push(next);
            model.push(next);
          }
        } else for (let n = 0; n < each.shift; n++) expect(queue.shift()).toBe(model.shift());
        expect([queue.size, queue.peek(), queue.toArray()]).toEqual([model.length, model[0], model]);
      }
    }),
  );
});
