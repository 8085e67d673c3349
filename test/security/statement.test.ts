import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf, signEnvelope, signStatement, verifyStatement } from '#security/signatures';
import { Signer, trustedKeysOf } from '#security/signers';
import { encodeStatement, parseStatement, STATEMENT_TYPE } from '../../src/security/signatures/statement.ts';

const signer = Signer.generate();
const keys = trustedKeysOf([{ keyId: signer.keyId, name: 'k', publicKey: signer.publicKey, addedAt: 0 }]);
const digest = digestOf(Buffer.from('component'));
const mediaType = 'application/wasm';
const now = Date.UTC(2026, 0, 1);
const trust = { keys, now };
const fields = { version: 1, digest, mediaType, signedAt: '2026-01-01T00:00:00.000Z' };
const bad = expect.objectContaining({ code: 'SECURITY_BAD_SIGNATURE' });

const signed = (statement: unknown) => signEnvelope(STATEMENT_TYPE, Buffer.from(JSON.stringify(statement)), [signer]);

describe('statement', () => {
  it('vouches for the bytes of its digest and kind', async () => {
    const envelope = await signStatement({ digest, mediaType, signedAt: now }, [signer]);
    const signers = await verifyStatement(envelope, { digest, mediaType }, trust);
    expect(signers.map(({ name }) => name)).toEqual(['k']);
  });

  it('reads back what it writes', () => {
    const time = fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') }).map(Number);
    fc.assert(
      fc.property(fc.string(), time, fc.option(time, { nil: undefined }), (mediaType, signedAt, expiresAt) => {
        const statement = { digest, mediaType, signedAt, expiresAt };
        expect(parseStatement(encodeStatement(statement))).toEqual(statement);
      }),
    );
  });

  it('does not stand for other bytes or another kind', async () => {
    const envelope = await signStatement({ digest, mediaType, signedAt: now }, [signer]);
    const other = digestOf(Buffer.from('other'));
    await expect(verifyStatement(envelope, { digest: other, mediaType }, trust)).rejects.toThrow(bad);
    await expect(verifyStatement(envelope, { digest, mediaType: 'text/html' }, trust)).rejects.toThrow(bad);
  });

  it('ends with its expiry', async () => {
    const envelope = await signStatement({ digest, mediaType, signedAt: now, expiresAt: now + 1 }, [signer]);
    await verifyStatement(envelope, { digest, mediaType }, trust);
    await expect(verifyStatement(envelope, { digest, mediaType }, { keys, now: now + 1 })).rejects.toThrow(bad);
  });

  it('may say more than we know, unless that is marked critical', async () => {
    const more = { ...fields, audience: 'production' };
    await verifyStatement(await signed(more), { digest, mediaType }, trust);
    const critical = await signed({ ...more, critical: ['audience'] });
    await expect(verifyStatement(critical, { digest, mediaType }, trust)).rejects.toThrow(
      expect.objectContaining({ code: 'SECURITY_BAD_SIGNATURE', message: expect.stringContaining('audience') }),
    );
  });

  it.each([
    ['another version', { ...fields, version: 2 }],
    ['a critical list that is text', { ...fields, critical: 'version' }],
    ['a critical field that is a number', { ...fields, critical: [1] }],
    ['a digest of another algorithm', { ...fields, digest: `sha1:${'0'.repeat(40)}` }],
    ['a digest with a path', { ...fields, digest: 'sha256:../../x' }],
    ['no media type', { ...fields, mediaType: undefined }],
    ['an expiry that cannot be read', { ...fields, expiresAt: 'never' }],
    ['an empty expiry', { ...fields, expiresAt: null }],
    ['nothing', []],
  ])('is refused with %s', async (_, statement) => {
    await expect(verifyStatement(await signed(statement), { digest, mediaType }, trust)).rejects.toThrow(bad);
  });
});
