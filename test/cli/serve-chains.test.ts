// The chains of middleware that `viv serve --next` describes, by the configuration that it makes of them.
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { chainsOf, Sources } from '../../src/cli/commands/serve/chains-of-flags.ts';

function chain(routed: readonly string[], ...given: readonly string[]) {
  const sources = new Sources();
  for (const source of routed) sources.add(source);
  const nextOf = chainsOf(given, sources);
  return { next: Object.fromEntries(nextOf), names: sources.names };
}

it('a chain may be given in any order', () => {
  expect(chain(['a.wasm'], 'b.wasm=c.wasm', 'a.wasm=b.wasm')).toEqual({
    next: { 'a.wasm': 'b.wasm', 'b.wasm': 'c.wasm' },
    names: ['a.wasm', 'b.wasm', 'c.wasm'],
  });
});

it('names of files may contain =, because what is before the sign is known', () => {
  expect(chain(['a=b.wasm'], 'a=b.wasm=c.wasm').next).toEqual({ 'a=b.wasm': 'c.wasm' });
  expect(chain(['a'], 'a=b=c').next).toEqual({ a: 'b=c' });
  // The longest that is known, where several are.
  expect(chain(['a', 'a=b'], 'a=b=c').next).toEqual({ 'a=b': 'c' });
});

it('any chain of files is read as it was written, if no name begins with another one and the sign', () => {
  const name = fc.stringMatching(/^[a-c=.]{1,6}$/).map((text) => `(${text})`);
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 6 }), fc.boolean(), (names, isTurned) => {
      const given = names.slice(1).map((next, at) => `${names[at]}=${next}`);
      const { next } = chain(names.slice(0, 1), ...(isTurned ? given.toReversed() : given));
      expect(next).toEqual(Object.fromEntries(names.slice(1).map((each, at) => [names[at], each])));
    }),
  );
});

it('two spellings of one file are one component', () => {
  expect(chain(['./auth.wasm', 'x/../auth.wasm'], 'auth.wasm=./shop.wasm', 'shop.wasm=registry:end')).toEqual({
    next: { './auth.wasm': './shop.wasm', './shop.wasm': 'registry:end' },
    names: ['./auth.wasm', './shop.wasm', 'registry:end'],
  });
  expect(() => chain(['a'], 'a=b', './a=c')).toThrow('--next ./a=c: a passes requests on to b already');
  expect(() => chain(['a'], 'a=b', 'b=./a')).toThrow('come back to it');
});

it('an error says which components requests reach', () => {
  expect(() => chain(['auth.wasm'], 'auth.wasm=shop.wasm', 'other.wasm=x.wasm')).toThrow(
    '--next other.wasm=…: no --route and no other --next leads to other.wasm; requests reach auth.wasm, shop.wasm',
  );
  const many = Array.from({ length: 20 }, (_, at) => `${at}.wasm`);
  expect(() => chain(many, 'other.wasm=x.wasm')).toThrow(/7\.wasm, and others$/);
});
