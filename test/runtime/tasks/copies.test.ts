import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CopyEnd, SharedCopy } from '#runtime/tasks';
import { type CopyResult, ListBuffer, type ReferenceEnd, ReferenceStream } from '../../support/stream-reference.ts';

const RESULTS: readonly CopyResult[] = ['completed', 'dropped', 'cancelled'];
const step = fc.record({
  reads: fc.boolean(),
  what: fc.constantFrom('copy', 'copy', 'copy', 'take', 'take', 'cancel', 'drop'),
  length: fc.integer({ min: 0, max: 5 }),
});

it('a stream does what the reference implementation does, whatever its ends do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const shared = new SharedCopy(0, false, true);
      const reference = new ReferenceStream();
      const ends = [new CopyEnd(shared, false), new CopyEnd(shared, true)] as const;
      const sides: [ReferenceEnd, ReferenceEnd] = [
        { event: undefined, state: 'idle' },
        { event: undefined, state: 'idle' },
      ];
      const got: [ListBuffer[], ListBuffer[]] = [[], []];
      let next = 0;
      for (const { reads, what, length } of steps) {
        const [end, side] = [ends[Number(reads)] as CopyEnd, sides[Number(reads)] as ReferenceEnd];
        const isCopying = side.state === 'copying';
        if (what === 'copy' && side.state === 'idle') {
          const offers = reads ? [] : Array.from({ length }, () => next++);
          const [one, other] = [new ListBuffer(length, offers), new ListBuffer(length, offers)];
          end.copy(undefined, one, 7, 2);
          reference.copy(side, other, reads);
          if (reads) {
            got[0].push(one);
            got[1].push(other);
          }
        } else if (what === 'cancel' && isCopying) {
          end.state = 'cancelling';
          if (!end.hasEvent) end.shared.cancel();
          reference.cancel(side);
        } else if (what === 'take' && end.hasEvent) {
          const event = side.event as NonNullable<ReferenceEnd['event']>;
          side.event = undefined;
          const [result, progress] = event();
          expect(end.takeEvent()).toEqual([2, 7, RESULTS.indexOf(result) | (progress << 4)]);
        } else if (what === 'drop' && (side.state === 'idle' || side.state === 'done')) {
          end.drop();
          reference.drop(side);
        }
        expect([end.hasEvent, ends[Number(!reads)]?.hasEvent]).toEqual([
          side.event !== undefined,
          (sides[Number(!reads)] as ReferenceEnd).event !== undefined,
        ]);
        if (side.state !== 'gone') expect(end.state).toBe(side.state);
      }
      const [mine, theirs] = got.map((each) => each.flatMap((buffer) => buffer.got as number[]));
      expect(mine).toEqual(theirs);
      // What arrives is what was written, in order, up to what was never read.
      expect(mine).toEqual([...(mine as number[])].sort((a, b) => a - b));
    }),
    { numRuns: 2_000 },
  );
});
