import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../../src/guest/cbor.ts';
import { decodeUtf8, encodeUtf8 } from '../../src/guest/utf8.ts';

const values = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe("the guest's UTF-8", () => {
  it('is that of TextEncoder and TextDecoder', () => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.uint8Array(), (text, bytes) => {
        expect(encodeUtf8(text)).toEqual(new TextEncoder().encode(text));
        expect(decodeUtf8(encodeUtf8(text))).toBe(text);
        let expected: string | undefined;
        try {
          expected = decoder.decode(bytes);
        } catch {}
        if (expected === undefined) expect(() => decodeUtf8(bytes)).toThrow(TypeError);
        else expect(decodeUtf8(bytes)).toBe(expected);
      }),
    );
  });

  it('writes lone surrogates as U+FFFD and reads long text', () => {
    expect(encodeUtf8('a\ud800b')).toEqual(new TextEncoder().encode('a\ufffdb'));
    const long = 'äö🦊'.repeat(5_000);
    expect(decodeUtf8(encodeUtf8(long))).toBe(long);
  });
});

describe("the guest's CBOR", () => {
  it("is the host's, both ways", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(encodeCbor(value)).toEqual(Uint8Array.from(encode(value)));
        expect(decodeCbor(encode(value))).toEqual(value);
        expect(decode(encodeCbor(value))).toEqual(value);
      }),
    );
  });

  it('gives bytes that stay as they are when the message changes', () => {
    const message = Buffer.from(encode(Uint8Array.of(1, 2, 3)));
    const value = decodeCbor(message);
    message.fill(0);
    expect(value).toEqual(Uint8Array.of(1, 2, 3));
  });

  it('reads floats of every size', () => {
    for (const value of [1.5, -0.1, 1e300, 65_504, 2 ** -24, Number.POSITIVE_INFINITY]) {
      expect(decodeCbor(encode(value))).toBe(value);
      expect(decodeCbor(encode(value, { float64: true }))).toBe(value);
    }
  });

  it('takes any bytes as a value or refuses them with a TypeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeCbor(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
        }
      }),
    );
    expect(() => decodeCbor(new Uint8Array(100_000).fill(0x81))).toThrow(TypeError);
    expect(() => decodeCbor(Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff))).toThrow(TypeError);
  });
});
