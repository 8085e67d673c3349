import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Later } from '#core/waiting';

interface Told {
  readonly end: 'answered' | 'failed';
  readonly what: unknown;
}

function listening(to: Later<number>): Told[] {
  const told: Told[] = [];
  to.listen({
    laterAnswered: (what) => told.push({ end: 'answered', what }),
    laterFailed: (what) => told.push({ end: 'failed', what }),
  });
  return told;
}

const END = fc.record({ end: fc.constantFrom('answered' as const, 'failed' as const), what: fc.integer() });

function end(later: Later<number>, { end: how, what }: { readonly end: Told['end']; readonly what: number }): void {
  if (how === 'answered') later.answer(what);
  else later.fail(what);
}

describe('a value that comes later', () => {
  it('is told once, at once, and as it first came, whenever its listener comes', () => {
    fc.assert(
      fc.property(fc.array(END, { minLength: 1, maxLength: 5 }), fc.nat(5), (ends, listensAt) => {
        const later = new Later<number>();
        let told: Told[] = [];
        ends.forEach((each, index) => {
          if (index === listensAt) told = listening(later);
          end(later, each);
          if (index >= listensAt) expect(told).toEqual([ends[0]]);
        });
        if (listensAt >= ends.length) told = listening(later);
        expect(told).toEqual([ends[0]]);
      }),
    );
  });

  it('is a promise for whoever awaits it', async () => {
    await fc.assert(
      fc.asyncProperty(END, fc.boolean(), async (ends, before) => {
        const later = new Later<number>();
        if (before) end(later, ends);
        const awaited = (async () => await later)();
        if (!before) end(later, ends);
        if (ends.end === 'answered') expect(await awaited).toBe(ends.what);
        else await expect(awaited).rejects.toBe(ends.what);
      }),
    );
  });

  it('tells its failure as it was told to', () => {
    const later = new Later<number>().failingAs((reason) => `because of ${reason}`);
    later.fail('rain');
    expect(listening(later)).toEqual([{ end: 'failed', what: 'because of rain' }]);
  });

  it('has one listener', () => {
    const later = new Later<number>();
    listening(later);
    expect(() => listening(later)).toThrow('one listener');
  });
});
