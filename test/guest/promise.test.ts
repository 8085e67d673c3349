import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runJobs } from '../../src/guest/globals/jobs.ts';
import { GuestPromise } from '../../src/guest/globals/promise-class.ts';

/** One promise of a program; numbers name earlier promises. */
type Step =
  | { readonly kind: 'value' | 'error' | 'thenable' | 'never' }
  | { readonly kind: 'then' | 'catch' | 'finally' | 'resolve' | 'nested'; readonly of: number; readonly fails: boolean }
  | { readonly kind: 'all' | 'allSettled' | 'any' | 'race'; readonly items: readonly number[] };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('value', 'error', 'thenable', 'never') }),
    fc.record({
      kind: fc.constantFrom('then', 'catch', 'finally', 'resolve', 'nested'),
      of: fc.nat(20),
      fails: fc.boolean(),
    }),
    fc.record({
      kind: fc.constantFrom('all', 'allSettled', 'any', 'race'),
      items: fc.array(fc.nat(20), { maxLength: 4 }),
    }),
  ) as fc.Arbitrary<Step>,
  { minLength: 1, maxLength: 12 },
);

/** Runs a program and writes down, in their order, what its promises are settled with. */
function run(program: readonly Step[], kind: PromiseConstructor, log: string[]): void {
  const made: Promise<unknown>[] = [];
  const pick = (index: number): Promise<unknown> | number => (made.length === 0 ? index : made[index % made.length]!);
  for (const [index, step] of program.entries()) {
    const promise = begin(step, index);
    made.push(promise);
    promise.then(
      (value) => log.push(`${index} ok ${JSON.stringify(value)}`),
      (reason) => log.push(`${index} no ${reason instanceof AggregateError ? reason.errors : reason}`),
    );
  }

  function begin(step: Step, index: number): Promise<unknown> {
    if ('items' in step) return kind[step.kind as 'all'](step.items.map(pick));
    if (!('of' in step)) {
      if (step.kind === 'error') return kind.reject(`error ${index}`);
      if (step.kind === 'never') return new kind(() => {});
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tried
      const thenable = { then: (resolve: (value: unknown) => void) => resolve(`thenable ${index}`) };
      return kind.resolve(step.kind === 'thenable' ? thenable : index);
    }
    const promise = kind.resolve(pick(step.of));
    const handler = (): unknown => {
      log.push(`${index} runs`);
      if (step.fails) throw `thrown ${index}`;
      return index;
    };
    if (step.kind === 'then') return promise.then(handler);
    if (step.kind === 'catch') return promise.catch(handler);
    if (step.kind === 'finally') return promise.finally(handler);
    if (step.kind === 'nested') return promise.then(() => kind.resolve(pick(step.of)).then(handler));
    return new kind((resolve) => resolve(pick(step.of)));
  }
}

describe('Promise of a guest', () => {
  it('settles what Node settles, in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (program) => {
        const [expected, seen]: [string[], string[]] = [[], []];
        run(program, Promise, expected);
        await new Promise((resolve) => setImmediate(resolve));
        run(program, GuestPromise as unknown as PromiseConstructor, seen);
        runJobs();
        expect(seen).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('may be extended, and refuses what is no executor', () => {
    class Mine extends GuestPromise {}
    expect(Mine.resolve(1).then()).toBeInstanceOf(Mine);
    expect(Mine.all([])).toBeInstanceOf(Mine);
    expect(() => new GuestPromise(undefined as never)).toThrow(TypeError);
    expect(Object.prototype.toString.call(GuestPromise.resolve())).toBe('[object Promise]');
  });
});
