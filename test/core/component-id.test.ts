import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkComponentId, formatComponentId, parseComponentId } from '#core';
import { CoreError } from '#core/errors';

const part = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/);

describe('component id', () => {
  it('reads back what it writes', () => {
    fc.assert(
      fc.property(part, part, part, (namespace, name, instance) => {
        const text = formatComponentId({ namespace, name, instance });
        expect(parseComponentId(text)).toEqual({ namespace, name, instance });
      }),
    );
  });

  it('accepts any text or refuses it with a typed error, and accepts only what it would write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        try {
          expect(formatComponentId(parseComponentId(text))).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(CoreError);
        }
      }),
    );
  });

  it.each([
    'a/b',
    'a/b/c/d',
    '',
    '//',
    'A/b/c',
    'a/../c',
    '../b/c',
    'a/b/..',
    'a/b/c\0',
    'a/b/c\n',
    'a/b/ç',
    'a/%2e%2e/c',
    'a/b/.hidden',
    `a/b/${'c'.repeat(64)}`,
    `a/b/${'c'.repeat(1 << 20)}`,
    'а/b/c',
  ])('refuses %j', (text) => {
    expect(() => parseComponentId(text)).toThrow(expect.objectContaining({ code: 'CORE_INVALID_ID' }));
  });

  it('refuses a record whose parts would read as another id when joined', () => {
    const id = { namespace: 'a/b', name: 'c', instance: 'd' };
    expect(() => checkComponentId(id)).toThrow(expect.objectContaining({ code: 'CORE_INVALID_ID' }));
  });
});
