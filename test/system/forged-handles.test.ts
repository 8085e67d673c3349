import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ComponentHandle } from '#core';
import type { CallPath } from '#core/ports/engine';
import { createRuntime, type Runtime } from '#system';
import { handleGuest, STEPS } from '../support/handle-guest.ts';

type Step = (typeof STEPS)[number];

/** The host's side: counts what it made, and notes anything that it did not make. */
class Host {
  readonly genuine = new Set<object>();
  readonly seen: unknown[] = [];
  dropped = 0;

  imports(): Readonly<Record<string, unknown>> {
    const host = this;
    const use = (...values: unknown[]): number => {
      host.seen.push(...values.filter((value) => !host.genuine.has(value as object)));
      return values.length;
    };
    class Made {
      constructor() {
        host.genuine.add(this);
      }
      [Symbol.dispose](): void {
        host.dropped += 1;
        use(this);
      }
    }
    class R extends Made {
      self(): number {
        return use(this);
      }
    }
    class Q extends Made {
      readonly isQ = true;
    }
    return {
      'test:host/api': {
        R,
        Q,
        makeR: () => new R(),
        makeQ: () => new Q(),
        touch: (a: unknown) => use(a),
        give: (a: unknown) => void use(a),
        touchAll: (all: unknown[]) => use(...all),
        giveAll: (all: unknown[]) => void use(...all),
        both: (a: unknown, b: unknown) => use(a, b),
        touchQ: (a: unknown) => use(a),
      },
    };
  }
}

describe.each<CallPath>(['direct', 'glue'])('the handles of a guest (%s)', (calls) => {
  let runtime: Runtime;
  let component: Uint8Array;

  beforeAll(async () => {
    runtime = await createRuntime({ calls });
    component = await handleGuest();
  });
  afterAll(() => runtime.close());

  /** A loaded guest, and how to have it make one step. */
  const guest = async (): Promise<{ host: Host; step: (step: Step, a?: number, b?: number) => Promise<number> }> => {
    const host = new Host();
    const handle: ComponentHandle = await runtime.load(component, { imports: host.imports() });
    const step = async (name: Step, a = 0, b = 0): Promise<number> =>
      (await runtime.call(handle, 'step', STEPS.indexOf(name), a, b)) as number;
    return { host, step };
  };
  const USES = ['touch', 'give', '[method]r.self', 'drop-r'] as const;

  it.each(
    USES.flatMap((use) => [
      [use, 'never given', async () => 7],
      [use, 'zero', async () => 0],
      [use, 'beyond what is counted', async () => 2 ** 31 + 1],
      [use, 'the last one plus two to the thirtieth', async (step) => (await step('make-r')) + 2 ** 30],
      [use, 'negative', async () => 2 ** 32 - 1],
      [
        use,
        'dropped',
        async (step) => {
          const handle = await step('make-r');
          await step('drop-r', handle);
          return handle;
        },
      ],
      [
        use,
        'given away',
        async (step) => {
          const handle = await step('make-r');
          await step('give', handle);
          return handle;
        },
      ],
      [
        use,
        'of another type',
        async (step) => {
          await step('make-r');
          return step('make-q');
        },
      ],
    ]) as [Step, string, (step: (step: Step, a?: number) => Promise<number>) => Promise<number>][],
  )('end it at %s of one that is %s', async (use, _what, forge) => {
    const { host, step } = await guest();
    const forged = await forge(step);
    await expect(step(use, forged)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(host.seen).toEqual([]);
  });

  it.each([
    ['touch-all', 'a list of borrows', 0],
    ['give-all', 'a list of owns', 0],
    ['give-all', 'the same own twice in a list', 1],
    ['both', 'what is lent by the same call', 1],
  ] as const)('end it at %s with %s', async (use, _what, same) => {
    const { host, step } = await guest();
    const handle = await step('make-r');
    await expect(step(use, handle, same === 1 ? handle : handle + 5)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(host.seen).toEqual([]);
  });

  it('do what a table of them does, for any steps, and nothing is left when all are dropped', async () => {
    const steps = fc.array(
      fc.record({
        step: fc.constantFrom(...STEPS, 'make-r' as const, 'make-q' as const),
        a: fc.nat(40),
        b: fc.nat(40),
        forged: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const { host, step } = await guest();
        const table = new Map<number, 'r' | 'q'>();
        const pick = (at: number): number => [...table.keys()][at % Math.max(1, table.size)] ?? at;
        for (const { step: name, a, b, forged } of sequence) {
          const [one, two] = forged && name !== 'make-r' ? [a, b] : [pick(a), pick(b)];
          const wanted = expected(name, one, two, table);
          if (wanted === 'trap') {
            await expect(step(name, one, two)).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
            break;
          }
          const answer = await step(name, one, two);
          if (name === 'make-r' || name === 'make-q') {
            expect(table.has(answer)).toBe(false);
            table.set(answer, name === 'make-r' ? 'r' : 'q');
          } else expect(answer).toBe(wanted);
        }
        expect(host.seen).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

/** What a step answers by the specification, and what it does to a table of handles. */
function expected(step: Step, a: number, b: number, table: Map<number, 'r' | 'q'>): number | 'trap' {
  const holds = (handle: number, type: 'r' | 'q'): boolean => table.get(handle) === type;
  const take = (handle: number, type: 'r' | 'q'): boolean => holds(handle, type) && table.delete(handle);
  const when = (good: boolean, answer: number): number | 'trap' => (good ? answer : 'trap');
  switch (step) {
    case 'make-r':
    case 'make-q':
      return 0;
    case 'touch':
    case '[method]r.self':
      return when(holds(a, 'r'), 1);
    case 'touch-q':
      return when(holds(a, 'q'), 1);
    case 'touch-all':
      return when(holds(a, 'r') && holds(b, 'r'), 2);
    case 'give':
    case 'drop-r':
      return when(take(a, 'r'), 0);
    case 'drop-q':
      return when(take(a, 'q'), 0);
    case 'give-all':
      return when(take(a, 'r') && take(b, 'r'), 0);
    case 'both':
      return when(holds(a, 'r') && a !== b && take(b, 'r'), 2);
  }
}
