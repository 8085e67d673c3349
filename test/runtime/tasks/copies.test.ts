import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type CopyBuffer, CopyEnd, SharedCopy } from '#runtime/tasks';

/** A buffer of numbers: what a writer offers, or what a reader has got. */
class Numbers implements CopyBuffer {
  progress = 0;
  readonly got: number[] = [];
  readonly #length: number;
  readonly #offers: readonly number[];

  constructor(length: number, offers: readonly number[] = []) {
    this.#length = length;
    this.#offers = offers;
  }

  get remaining(): number {
    return this.#length - this.progress;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  read(count: number): number[] {
    this.progress += count;
    return this.#offers.slice(this.progress - count, this.progress);
  }

  write(values: ArrayLike<unknown>): void {
    this.progress += values.length;
    this.got.push(...(Array.from(values) as number[]));
  }
}

type Result = 'completed' | 'dropped' | 'cancelled';
interface Side {
  readonly buffer: Numbers;
  event: (() => readonly [Result, number]) | undefined;
  state: 'idle' | 'copying' | 'cancelling' | 'done' | 'gone';
}

/**
 * The stream of the specification's reference implementation (`SharedStreamImpl` of `definitions.py`) with both of its ends, as
 * plainly as it is written there.
 */
class Reference {
  dropped = false;
  pending:
    | { side: Side; buffer: Numbers; copied: (reclaim: () => void) => void; done: (result: Result) => void }
    | undefined;

  copy(side: Side, buffer: Numbers, isRead: boolean): void {
    const event = (result: Result, reclaim: () => void) => (): readonly [Result, number] => {
      reclaim();
      const told = side.state === 'cancelling' && result === 'completed' ? 'cancelled' : result;
      side.state = result === 'dropped' ? 'done' : 'idle';
      return [told, buffer.progress];
    };
    const copied = (reclaim: () => void): void => {
      side.event = event('completed', reclaim);
    };
    const done = (result: Result): void => {
      side.event = event(result, () => {});
    };
    side.state = 'copying';
    const { pending } = this;
    if (this.dropped) done('dropped');
    else if (pending === undefined) this.pending = { side, buffer, copied, done };
    else if (pending.buffer.remaining > 0) {
      if (buffer.remaining > 0) {
        const count = Math.min(buffer.remaining, pending.buffer.remaining);
        if (isRead) buffer.write(pending.buffer.read(count));
        else pending.buffer.write(buffer.read(count));
        pending.copied(() => {
          this.pending = undefined;
        });
      }
      done('completed');
    } else if (!isRead && buffer.isEmpty && pending.buffer.isEmpty) done('completed');
    else {
      this.notify('completed');
      this.pending = { side, buffer, copied, done };
    }
  }

  notify(result: Result): void {
    const { pending } = this;
    this.pending = undefined;
    pending?.done(result);
  }

  drop(): void {
    if (this.dropped) return;
    this.dropped = true;
    this.notify('dropped');
  }
}

const RESULTS: readonly Result[] = ['completed', 'dropped', 'cancelled'];
const step = fc.record({
  reads: fc.boolean(),
  what: fc.constantFrom('copy', 'copy', 'copy', 'take', 'take', 'cancel', 'drop'),
  length: fc.integer({ min: 0, max: 5 }),
});

it('a stream does what the reference implementation does, whatever its ends do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const shared = new SharedCopy(0, false, true);
      const reference = new Reference();
      const ends = [new CopyEnd(shared, false), new CopyEnd(shared, true)] as const;
      const sides: [Side, Side] = [
        { buffer: new Numbers(0), event: undefined, state: 'idle' },
        { buffer: new Numbers(0), event: undefined, state: 'idle' },
      ];
      const got: [Numbers[], Numbers[]] = [[], []];
      let next = 0;
      for (const { reads, what, length } of steps) {
        const [end, side] = [ends[Number(reads)] as CopyEnd, sides[Number(reads)] as Side];
        const isCopying = side.state === 'copying';
        if (what === 'copy' && side.state === 'idle') {
          const offers = reads ? [] : Array.from({ length }, () => next++);
          const [one, other] = [new Numbers(length, offers), new Numbers(length, offers)];
          end.copy(undefined, one, 7, 2);
          reference.copy(side, other, reads);
          if (reads) {
            got[0].push(one);
            got[1].push(other);
          }
        } else if (what === 'cancel' && isCopying) {
          end.state = 'cancelling';
          side.state = 'cancelling';
          if (!end.hasEvent) end.shared.cancel();
          if (side.event === undefined) reference.notify('cancelled');
        } else if (what === 'take' && end.hasEvent) {
          const event = side.event as NonNullable<Side['event']>;
          side.event = undefined;
          const [result, progress] = event();
          expect(end.takeEvent()).toEqual([2, 7, RESULTS.indexOf(result) | (progress << 4)]);
        } else if (what === 'drop' && (side.state === 'idle' || side.state === 'done')) {
          end.drop();
          reference.drop();
          side.state = 'gone';
        }
        expect([end.hasEvent, ends[Number(!reads)]?.hasEvent]).toEqual([
          side.event !== undefined,
          (sides[Number(!reads)] as Side).event !== undefined,
        ]);
        if (side.state !== 'gone') expect(end.state).toBe(side.state);
      }
      const [mine, theirs] = got.map((each) => each.flatMap((buffer) => buffer.got));
      expect(mine).toEqual(theirs);
      // What arrives is what was written, in order, up to what was never read.
      expect(mine).toEqual([...(mine as number[])].sort((a, b) => a - b));
    }),
    { numRuns: 2_000 },
  );
});
