import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageOf, VivariumError } from '#core/errors';
import { printable, shownPath, shownText, shownValue } from '#core/text';

/** As the class is written down, not as the code spells it. */
const UNSAFE: readonly (readonly [name: string, from: number, to: number])[] = [
  ['C0 control', 0x00, 0x1f],
  ['DEL', 0x7f, 0x7f],
  ['C1 control', 0x80, 0x9f],
  ['Arabic letter mark', 0x61c, 0x61c],
  ['left-to-right or right-to-left mark', 0x200e, 0x200f],
  ['line or paragraph separator', 0x2028, 0x2029],
  ['embedding or override of direction', 0x202a, 0x202e],
  ['isolate of direction', 0x2066, 0x2069],
  ['byte order mark', 0xfeff, 0xfeff],
  ['half of a surrogate pair', 0xd800, 0xdfff],
];

const everyUnsafe = UNSAFE.flatMap(([, from, to]) => charactersFrom(from, to));

function charactersFrom(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String.fromCharCode(from + index));
}

function isUnsafe(text: string): boolean {
  return Array.from(text).some((character) => {
    const code = character.codePointAt(0) ?? 0;
    return UNSAFE.some(([, from, to]) => from <= code && code <= to);
  });
}

/** Plain, unsafe and astral characters, and pairs that were cut in half. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'binary', minLength: 60, maxLength: 200 }),
  fc.string({ unit: fc.constantFrom(...everyUnsafe, 'a', '\u{1f600}') }),
);

describe('shown text', () => {
  it('holds nothing unsafe, is bounded, and reads back as the text, or as a beginning of it and …', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 120 }), (text, most) => {
        const shown = shownText(text, most);
        expect(isUnsafe(shown)).toBe(false);
        expect(shown.length).toBeLessThanOrEqual(most * 6 + '"…"'.length);
        const read: string = JSON.parse(shown);
        if (text.length <= most) {
          expect(read).toBe(text);
          return;
        }
        const kept = read.slice(0, -1);
        expect(read.at(-1)).toBe('…');
        expect(text.startsWith(kept)).toBe(true);
        expect([most, most - 1]).toContain(kept.length);
        expect(kept.isWellFormed() || !text.isWellFormed()).toBe(true);
      }),
    );
  });

  it.each(UNSAFE)('escapes every %s', (_, from, to) => {
    for (const character of charactersFrom(from, to)) {
      const text = `a${character}b`;
      expect(isUnsafe(shownText(text))).toBe(false);
      expect(JSON.parse(shownText(text))).toBe(text);
    }
  });

  it('leaves what can be read as it is, in any script', () => {
    expect(shownText('naïve 日本語 😀 "quoted"')).toBe('"naïve 日本語 😀 \\"quoted\\""');
  });

  it('writes escapes as JSON does', () => {
    expect(shownText('\u009b2J\u007f\u202e\n')).toBe('"\\u009b2J\\u007f\\u202e\\n"');
  });

  it('cuts beside a surrogate pair, not through it', () => {
    expect(shownText('ab😀', 3)).toBe('"ab…"');
    expect(shownText('ab😀', 4)).toBe('"ab😀"');
    expect(shownText('ab😀c', 4)).toBe('"ab😀…"');
  });

  it('shows 80 characters of a text and the whole of a path', () => {
    expect(shownText('k'.repeat(81))).toBe(`"${'k'.repeat(80)}…"`);
    expect(shownPath(`/${'k'.repeat(4_095)}`)).toBe(`"/${'k'.repeat(4_095)}"`);
    expect(shownPath('k'.repeat(4_097))).toBe(`"${'k'.repeat(4_096)}…"`);
  });
});

describe('shown value', () => {
  it('shows a text as a text, and any other value without asking it', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(shownValue(text)).toBe(shownText(text));
      }),
    );
    expect([Object.create(null), [1], 5n, Symbol('a'), () => 1, undefined, null, -0.5].map(shownValue)).toEqual([
      'an object',
      'a list',
      '5n',
      'a symbol',
      'a function',
      'undefined',
      'null',
      '-0.5',
    ]);
  });
});

describe('printable text', () => {
  it('keeps newlines, tabs and what can be read, and shows everything unsafe', () => {
    expect(printable('a\n\tb\r\u001b[2J\u202e日')).toBe('a\n\tb\\u{d}\\u{1b}[2J\\u{202e}日');
  });

  it('holds nothing unsafe but newlines and tabs, and changes nothing when asked again', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = printable(text);
        expect(isUnsafe(shown.toWellFormed().replaceAll(/[\n\t]/g, ''))).toBe(false);
        expect(printable(shown)).toBe(shown);
      }),
    );
  });

  it('is what a message says of anything that was thrown', () => {
    expect(messageOf(new Error('no \u009b2J'))).toBe('no \\u{9b}2J');
    expect(messageOf('no \u009b2J')).toBe('no \\u{9b}2J');
  });

  it('is the message of every error of ours, also of one that names a path without quotes', () => {
    const { message, stack } = new VivariumError('CORE_INVALID_OPTION', 'a\u009b2J/b cannot be read');
    expect([message, stack?.split('\n')[0]]).toEqual([
      'a\\u{9b}2J/b cannot be read',
      expect.stringContaining('a\\u{9b}2J'),
    ]);
  });
});
