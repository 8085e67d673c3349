import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CoreError } from '../../src/core/errors/index.ts';
import { allow, checkOptions } from '../../src/core/options/index.ts';
import { shownValue } from '../../src/core/text/index.ts';

interface Colours {
  readonly red?: number;
  readonly blue?: { readonly deep?: boolean };
  readonly names?: readonly string[];
}

const rules: allow.OptionRules<Colours> = {
  red: allow.wholeNumber(1),
  blue: allow.options<NonNullable<Colours['blue']>>({ deep: allow.flag }),
  names: allow.listOf(allow.text),
};
const colours = allow.options(rules);
const refusal = (value: unknown, under = 'paint'): string => {
  try {
    checkOptions(value, colours, under);
  } catch (error) {
    return error instanceof CoreError ? `${error.code}: ${error.message}` : `not ours: ${error}`;
  }
  return 'taken';
};

describe('a wrong option is named with its value and what it may be', () => {
  it.each([
    [{ red: 0 }, 'paint.red is 0; give a whole number, 1 or more'],
    [{ red: '3' }, 'paint.red is "3"; give a whole number, 1 or more'],
    [{ red: null }, 'paint.red is null; give a whole number, 1 or more'],
    [{ blue: { deep: 'yes' } }, 'paint.blue.deep is "yes"; give true or false'],
    [{ blue: [] }, 'paint.blue is a list; give an object of options'],
    [{ names: ['a', 3n] }, 'paint.names[1] is 3n; give text'],
    [{ reed: 1 }, 'paint.reed is no option; there are paint.red, paint.blue, paint.names'],
    [{ ['__proto__']: 1 }, 'paint.__proto__ is no option; there are paint.red, paint.blue, paint.names'],
    ['x', 'paint is "x"; give an object of options'],
    [new Uint8Array(3), 'paint is an object; give an object of options'],
    [new Map(), 'paint is an object; give an object of options'],
  ])('%o', (value, message) => {
    expect(refusal(value)).toBe(`CORE_INVALID_OPTION: ${message}`);
  });

  it('without a name of its own, too', () => {
    expect(refusal({ red: 0 }, '')).toBe('CORE_INVALID_OPTION: red is 0; give a whole number, 1 or more');
    expect(refusal(null, '')).toBe('CORE_INVALID_OPTION: what was given is null; give an object of options');
  });
});

it('what is left out, or undefined, is left to the default', () => {
  for (const value of [undefined, {}, { red: undefined }, Object.create(null), { blue: { deep: undefined } }]) {
    expect(refusal(value)).toBe('taken');
  }
});

it('any value is either taken or refused by name', () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withSparseArray: true, withNullPrototype: true }), (value) => {
      expect(refusal(value)).toMatch(/^(taken$|CORE_INVALID_OPTION: )/);
      expect(refusal({ red: value })).toMatch(/^(taken$|CORE_INVALID_OPTION: paint\.red is )/);
      expect(shownValue(value).length).toBeLessThan(600);
    }),
  );
});
