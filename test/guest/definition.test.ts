import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ActorDefinition } from '../../src/guest/actor.ts';
import { checkDefinition } from '../../src/guest/check-definition.ts';

const run = (): undefined => undefined;
/** All that an actor may have: a property that is added to the type must be added here, and the check must know it. */
const WHOLE: Required<ActorDefinition> = {
  name: 'whole',
  version: '1.0.0',
  description: 'd',
  author: 'a',
  license: 'l',
  operations: { add: run },
  onStart: run,
  onMessage: run,
  onTopic: run,
  onSocket: run,
  onReply: run,
  health: () => 'healthy',
  onStop: run,
};
const KEYS = Object.keys(WHOLE);

describe('the definition of an actor', () => {
  it('may have each of its properties, and none but name and version must be there', () => {
    expect(() => checkDefinition(WHOLE)).not.toThrow();
    for (const left of KEYS) {
      const { [left as 'name']: _, ...rest } = WHOLE;
      const check = expect(() => checkDefinition(rest));
      if (left === 'name' || left === 'version') check.toThrow('needs a name and a version');
      else check.not.toThrow();
    }
  });

  it('is refused with any other property, which the error names', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }).filter((key) => !KEYS.includes(key) && key !== '__proto__'),
        (key) => {
          expect(() => checkDefinition({ ...WHOLE, [key]: run })).toThrow(`defineActor knows no ${key};`);
        },
      ),
    );
    expect(() => checkDefinition({ ...WHOLE, toString: run })).toThrow('knows no toString');
  });

  it('is refused with a property of another type, which the error names', () => {
    const values = fc.constantFrom<unknown>(null, 1, true, 'text', run, {});
    fc.assert(
      fc.property(fc.constantFrom(...KEYS), values, (key, value) => {
        const right = WHOLE[key as keyof ActorDefinition];
        const check = expect(() => checkDefinition({ ...WHOLE, [key]: value }));
        if (typeof value === typeof right && value !== null) check.not.toThrow();
        else check.toThrow(`${key} of an actor is `);
      }),
    );
  });

  it('may be an instance of a class, with state of its own', () => {
    class Counter {
      readonly name = 'counter';
      readonly version = '1.0.0';
      count = 0;
      onMessage(): string {
        this.count += 1;
        return String(this.count);
      }
    }
    expect(() => checkDefinition(new Counter())).not.toThrow();
  });
});
