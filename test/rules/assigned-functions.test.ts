import { describe, expect, it } from 'vitest';
import { assignedFunctionsIn } from './assigned-functions.ts';
import { parse, sourceFiles } from './source-files.ts';

/*
 * V8 allocates a function that is assigned to a property where it is written in its old generation, as if it stayed for
 * long. Until the next collection of the whole heap, such a function keeps all that its code can name, and what that
 * refers to: collections of the young generation then copy whole requests, which took ten times as long. A function that
 * has a name first is allocated as any other object. See ADR 0370.
 */
describe('the source', () => {
  it('names functions before it assigns them to properties', () => {
    const files = sourceFiles().filter(({ path }) => !path.startsWith('src/guest/'));
    expect(files.flatMap(({ tree }) => assignedFunctionsIn(tree))).toEqual([]);
  });

  it.each([
    ['request.answer = (reply) => done(reply);', 1],
    ['this.#suspended = async function () {};', 1],
    ["handlers['close'] = (() => {}) as Handler;", 1],
    ['one = other.task = () => {};', 1],
    ['made.type = class {};', 1],
    ['const answer = (): void => {};\nrequest.answer = answer;', 0],
    ['request.answer = undefined;', 0],
    ['let later;\nlater = () => {};', 0],
    ['const own = { answer: () => {} };', 0],
    ['class Own { readonly answer = () => {}; }', 0],
    ['request.answer ??= () => {};', 0],
  ])('are seen to: %s', (text, times) => {
    expect(assignedFunctionsIn(parse('planted.ts', text))).toHaveLength(times);
  });
});
