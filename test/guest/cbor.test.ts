// The CBOR of guests and that of the host: the vectors of RFC 8949, appendix A, and each other, byte for byte.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../../src/guest/cbor.ts';
import { encodeCbor as encodeOnHost } from '../../src/messaging/cbor.ts';
import { codecs } from '../../src/messaging/codecs.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
const twenty_five = Array.from({ length: 25 }, (_, index) => index + 1);

/** Values whose deterministic form is the vector itself. */
const VECTORS: readonly (readonly [value: unknown, encoded: string])[] = [
  [0, '00'],
  [1, '01'],
  [10, '0a'],
  [23, '17'],
  [24, '1818'],
  [25, '1819'],
  [100, '1864'],
  [1000, '1903e8'],
  [1000000, '1a000f4240'],
  [1000000000000, '1b000000e8d4a51000'],
  [18446744073709551615n, '1bffffffffffffffff'],
  [-18446744073709551616n, '3bffffffffffffffff'],
  [-1, '20'],
  [-10, '29'],
  [-100, '3863'],
  [-1000, '3903e7'],
  [-0, 'f98000'],
  [1.1, 'fb3ff199999999999a'],
  [1.5, 'f93e00'],
  [3.4028234663852886e38, 'fa7f7fffff'],
  [1.0e300, 'fb7e37e43c8800759c'],
  [2 ** -24, 'f90001'],
  [0.00006103515625, 'f90400'],
  [-4.1, 'fbc010666666666666'],
  [Number.POSITIVE_INFINITY, 'f97c00'],
  [Number.NaN, 'f97e00'],
  [Number.NEGATIVE_INFINITY, 'f9fc00'],
  [false, 'f4'],
  [true, 'f5'],
  [null, 'f6'],
  [undefined, 'f7'],
  [new Uint8Array(), '40'],
  [Uint8Array.of(1, 2, 3, 4), '4401020304'],
  ['', '60'],
  ['a', '6161'],
  ['IETF', '6449455446'],
  ['"\\', '62225c'],
  ['\u00fc', '62c3bc'],
  ['\u6c34', '63e6b0b4'],
  ['\ud800\udd51', '64f0908591'],
  [[], '80'],
  [[1, 2, 3], '83010203'],
  [[1, [2, 3], [4, 5]], '8301820203820405'],
  [twenty_five, '98190102030405060708090a0b0c0d0e0f101112131415161718181819'],
  [{}, 'a0'],
  [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
  [['a', { b: 'c' }], '826161a161626163'],
  [{ a: 'A', b: 'B', c: 'C', d: 'D', e: 'E' }, 'a56161614161626142616361436164614461656145'],
  [[1, undefined, null], '8301f7f6'],
];

/** Vectors that are read, and are not what is written: longer forms, integers as floats, lists that a break ends. */
const READ_ONLY: readonly (readonly [value: unknown, encoded: string])[] = [
  [0, 'f90000'],
  [1, 'f93c00'],
  [65504, 'f97bff'],
  [100000, 'fa47c35000'],
  [-4, 'f9c400'],
  [Number.POSITIVE_INFINITY, 'fa7f800000'],
  [Number.NaN, 'fa7fc00000'],
  [Number.NEGATIVE_INFINITY, 'faff800000'],
  [Number.POSITIVE_INFINITY, 'fb7ff0000000000000'],
  [Number.NaN, 'fb7ff8000000000000'],
  [Number.NEGATIVE_INFINITY, 'fbfff0000000000000'],
  [-0, 'fa80000000'],
  [-0, 'fb8000000000000000'],
  [[], '9fff'],
  [[1, [2, 3], [4, 5]], '9f018202039f0405ffff'],
  [{ a: 1, b: [2, 3] }, 'bf61610161629f0203ffff'],
  [{ Fun: true, Amt: -2 }, 'bf6346756ef563416d7421ff'],
];

/** Text and bytes in pieces, tags, simple values without a meaning here, keys that are no texts. */
const REFUSED = [
  'c249010000000000000000',
  'c11a514b67b0',
  'f0',
  'f8ff',
  '5f42010243030405ff',
  '7f657374726561646d696e67ff',
  'a201020304',
];

const float = fc.oneof(
  fc.double(),
  fc.float(),
  fc.integer({ min: -(2 ** 24), max: 2 ** 24 }).map((n) => n * 2 ** -24),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, undefined, true, false, -0, Number.NaN),
    float,
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }).filter((big) => !Number.isSafeInteger(Number(big))),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.dictionary(
      fc.string({ unit: 'grapheme' }),
      tie('value').filter((item) => item !== undefined),
      { noNullPrototype: true },
    ),
  ),
}));

describe('the CBOR of guests and the CBOR of the host', () => {
  it.each(VECTORS.map(([given, encoded]) => [encoded, given] as const))('write %s, and read it', (encoded, given) => {
    expect([hex(encodeCbor(given)), hex(codecs.cbor.encode(given))]).toEqual([encoded, encoded]);
    for (const read of [decodeCbor(bytesOf(encoded)), codecs.cbor.decode(bytesOf(encoded))])
      expect(read).toEqual(given);
  });

  it.each(READ_ONLY.map(([given, encoded]) => [encoded, given] as const))('read %s', (encoded, given) => {
    for (const read of [decodeCbor(bytesOf(encoded)), codecs.cbor.decode(bytesOf(encoded))])
      expect(read).toEqual(given);
  });

  it.each(REFUSED)('refuse %s', (encoded) => {
    expect(() => decodeCbor(bytesOf(encoded))).toThrow(TypeError);
    expect(() => codecs.cbor.decode(bytesOf(encoded))).toThrow(expect.objectContaining({ code: 'MESSAGING_CODEC' }));
  });

  it('agree on every value, both ways, and lose nothing', () => {
    fc.assert(
      fc.property(value, (given) => {
        const encoded = encodeCbor(given);
        expect(hex(encodeOnHost(given))).toBe(hex(encoded));
        expect(decodeCbor(encoded)).toEqual(given);
        expect(codecs.cbor.decode(encoded)).toEqual(given);
      }),
    );
  });

  it('write each float in the shortest form that is equal', () => {
    fc.assert(
      fc.property(float, (given) => {
        const encoded = encodeCbor(given);
        if (Number.isSafeInteger(given) && !Object.is(given, -0)) return;
        const single = Math.fround(given);
        const least = Object.is(single, given) ? 5 : 9;
        expect(encoded.length).toBeLessThanOrEqual(least);
        if (encoded.length < 5) expect(hex(encoded).slice(0, 2)).toBe('f9');
        expect(decodeCbor(encoded)).toBe(given);
      }),
    );
    for (let bits = 0; bits < 2 ** 16; bits += 1) {
      const half = decodeCbor(Uint8Array.of(0xf9, bits >> 8, bits & 0xff)) as number;
      if (Number.isNaN(half) || (Number.isSafeInteger(half) && !Object.is(half, -0))) continue;
      expect(encodeCbor(half).length).toBe(3);
    }
  });

  it('leave out what is undefined in a record, and keep it in a list', () => {
    for (const encode of [encodeCbor, encodeOnHost]) {
      expect(hex(encode({ a: undefined, b: 1 }))).toBe('a1616201');
      expect(hex(encode([undefined]))).toBe('81f7');
    }
  });
});
