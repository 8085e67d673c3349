import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packVector, unpackVector, vectorOfBase64 } from '../../src/registry/embedding.ts';

const vectors = fc.float32Array({ minLength: 1, maxLength: 700, noNaN: true });
/** As PostgreSQL's `encode` writes it. */
const encoded = (bytes: Uint8Array): string =>
  (
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\n');

describe('a packed vector', () => {
  it('is read back, from bytes and from base64 in lines', () => {
    fc.assert(
      fc.property(vectors, (vector) => {
        expect(unpackVector(packVector(vector))).toEqual(vector);
        expect(vectorOfBase64(encoded(packVector(vector)))).toEqual(vector);
      }),
    );
  });

  it.each([3, 4, 56, 57, 60, 113, 114, 2_048])('of %i bytes is a vector in both forms or in neither', (length) => {
    const bytes = new Uint8Array(length).fill(7);
    expect(vectorOfBase64(encoded(bytes))).toEqual(unpackVector(bytes));
  });

  it('is none where the text is none, and never more than the text says', () => {
    for (const text of ['', '=', '====', 'AAAA', 'AAAAAA==!', '\n\n\n\n', 'é'.repeat(8), 'A'.repeat(50_000)]) {
      expect(vectorOfBase64(text), JSON.stringify(text.slice(0, 20))).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(vectorOfBase64(text)?.byteLength ?? 0).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
