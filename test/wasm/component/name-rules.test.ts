import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '../../../src/index.ts';
import { refuseExternName, refuseLabel } from '../../../src/wasm/component/name-rules.ts';

const LABEL = '(?:[a-z][a-z0-9]*|[A-Z][A-Z0-9]*)(?:-(?:[a-z0-9]+|[A-Z0-9]+))*';
const VERSION = '(?:@[0-9]+(?:\\.[0-9]+){0,2}(?:-[0-9A-Za-z.-]+)?(?:\\+[0-9A-Za-z.-]+)?)?';
/** The grammar of the component model's names as patterns: right for short names, exponential for long ones. */
const NAME = new RegExp(
  `^(?:(?:\\[async\\])?${LABEL}|\\[constructor\\]${LABEL}|\\[(?:async )?(?:method|static)\\]${LABEL}\\.${LABEL}|` +
    `${LABEL}(?::${LABEL})+(?:/${LABEL})+${VERSION})$`,
);

const label = fc.stringMatching(/^[abXY09-]{0,8}$/);
const piece = fc.oneof(
  label,
  fc.constantFrom(':', '/', '.', '@', '1', '1.2.3', '+', '!', '[', ']'),
  fc.constantFrom('[async]', '[constructor]', '[method]', '[static]', '[async method]', '[async static]'),
);

describe('names of a component', () => {
  it('are labels exactly where the grammar says so', () => {
    fc.assert(
      fc.property(label, (text) => {
        expect(refuseLabel(text) === undefined, text).toBe(new RegExp(`^${LABEL}$`).test(text));
      }),
    );
  });

  it('are taken exactly where the grammar takes them', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const name = pieces.join('');
        expect(refuseExternName(name, 'export') === undefined, name).toBe(NAME.test(name));
      }),
      { numRuns: 2_000 },
    );
  });

  // Every word of digits alone could be of either case: a pattern tried 2 to the power of their number.
  const hostile = `a${'-0'.repeat(100_000)}!`;

  it.each(['', '[async]', '[constructor]', '[method]a.', '[static]a.', 'a:b/', 'a:b/c@1.0.0-', 'a:'])(
    'are refused in one pass: %s and a hundred thousand words of digits',
    (prefix) => {
      expect(refuseExternName(prefix + hostile, 'import')).toMatch(/is neither/);
      expect(refuseLabel(prefix + hostile)).toMatch(/is not a kebab-case label/);
    },
  );

  it('do not hold the thread at the load of a component of 80 bytes', async () => {
    await using runtime = await createRuntime({ cache: false });
    const record = [0x72, 1, ...text(`a${'-0'.repeat(25)}!`), 0x7d];
    const component = Uint8Array.from([...[0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0], ...section(7, [1, ...record])]);
    expect(component.length).toBeLessThanOrEqual(80);
    await expect(runtime.load(component)).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringContaining('is not a kebab-case label'),
    });
  });
});

const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
const section = (id: number, payload: number[]): number[] => [id, payload.length, ...payload];
