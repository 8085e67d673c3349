import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AsciiText } from '#core/text';
import { MemoryView } from '../../../src/runtime/direct/memory-view.ts';
import { storeUtf8 } from '../../../src/runtime/direct/strings.ts';
import { KeptText } from '../../../src/runtime/exchange/kept-text.ts';

/** A memory whose allocator gives new space, marks it and, now and then, grows. */
class Lowered {
  readonly #memory = new WebAssembly.Memory({ initial: 1, maximum: 20 });
  readonly #view = new MemoryView().attach(this.#memory);
  readonly #kept = new KeptText();
  #heap = 8;
  #calls = 0;

  /** The bytes that one place in generated code writes for the value, with the byte behind them. */
  bytesOf(value: unknown): Uint8Array {
    this.#view.live();
    const pointer = storeUtf8(this.#view, this.#realloc, value, this.#kept);
    const { length } = this.#view;
    if (length === 0) return new Uint8Array(0);
    const behind = new Uint8Array(this.#memory.buffer)[pointer + length];
    expect(behind).toBe(0xee);
    return new Uint8Array(this.#memory.buffer.slice(pointer, pointer + length));
  }

  readonly #realloc = (old: number, oldSize: number, _: number, size: number): number => {
    this.#calls += 1;
    if (this.#calls % 5 === 0 && this.#memory.buffer.byteLength < 20 * 65_536) this.#memory.grow(1);
    const bytes = new Uint8Array(this.#memory.buffer);
    const at = this.#heap;
    this.#heap = (this.#heap + size + 1) % 30_000;
    bytes.fill(0xee, at, at + size + 1);
    bytes.copyWithin(at, old, old + oldSize);
    return at;
  };
}

const text = fc.oneof(
  fc.constantFrom('vivarium', 'host', '0', 'vivariuM', 'hosT', 'a-name-of-some-length', 'a-name-of-other-lengt'),
  fc.string({ minLength: 45, maxLength: 51 }),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

describe('a place that lowers strings', () => {
  it('writes the bytes of each, whatever it kept of those before', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 80 }), (texts) => {
        const lowered = new Lowered();
        for (const each of texts) expect(lowered.bytesOf(each)).toEqual(new TextEncoder().encode(each));
      }),
    );
  });

  it('writes the bytes of text that lies in a block', () => {
    const block = { text: 'correlation-ids-in-one-block', bytes: new DataView(new ArrayBuffer(28)) };
    new TextEncoder().encodeInto(block.text, new Uint8Array(block.bytes.buffer));
    fc.assert(
      fc.property(fc.nat(28), fc.nat(28), (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const part = new AsciiText(block, start, end - start);
        expect(String(part)).toBe(block.text.slice(start, end));
        expect(new Lowered().bytesOf(part)).toEqual(new TextEncoder().encode(String(part)));
      }),
    );
  });

  it('takes nothing for a string that is none', () => {
    for (const value of [undefined, null, 7, {}, ['a'], { block: {}, start: 0, length: 1 }]) {
      expect(() => new Lowered().bytesOf(value)).toThrow(TypeError);
    }
  });
});
