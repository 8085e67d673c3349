import { describe, expect, it } from 'vitest';
import { LastWords } from '../../../src/runtime/store/guest-words.ts';

const STACK = 'stack: Some("    at run (actor.js:9:1)\\n")';

function said(...lines: readonly string[]): ReturnType<LastWords['of']> {
  const words = new LastWords();
  for (const line of lines) words.add(line);
  return words.of((text) => text.replace('actor.js:9:1', 'src/actor.ts:3:5'));
}

describe('what a guest said before it trapped', () => {
  const told = { why: 'run threw: "bad"\nname', stack: '    at run (src/actor.ts:3:5)' };
  const thrown = `Exception { message: Some("\\"bad\\"\\nname"), ${STACK} })`;

  it.each([
    ['a function without a result', [`Failed to call 'run': Exception(${thrown}`]],
    ['a function whose result has another error', ["Failed to call 'run': Value(Exception(", thrown, ')']],
  ])('is the exception of %s, with its place', (_, lines) => {
    const all = [
      "thread '<unnamed>' (1) panicked at interpreter.rs:51:31:",
      ...lines,
      'note: run with `RUST_BACKTRACE=1`',
    ];
    expect(said(...all)).toEqual(told);
    // These lines are enough, and the others are not kept where somebody else reads them.
    expect(said(...all.filter((line) => LastWords.tellsThrown(line)))).toEqual(told);
  });

  it.each([
    ["Failed to call 'run': Value(Exception("],
    ["Failed to call 'run': Value(Exception(", 'and no exception'],
    ['panicked at main.rs'],
  ])('is its own text where that tells of no exception: %j', (...lines) => {
    expect(said(...lines)).toEqual({ why: `it wrote: ${lines.join('\n')}` });
  });
});
