import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { formatEnvelope, parseEnvelope, signEnvelope, verifyEnvelope } from '#security/signatures';
import { Signer, type TrustedKey, trustedKeysOf } from '#security/signers';

const TYPE = 'application/vnd.test+json';
const payload = Buffer.from('{"a":1}');
const now = 1000;
const signers = Array.from({ length: 5 }, () => Signer.generate()) as [Signer, Signer, Signer, Signer, Signer];
const [good, stranger, revoked, expired, second] = signers;
const trusted = (signer: Signer, name: string, times: Partial<TrustedKey> = {}): TrustedKey => ({
  keyId: signer.keyId,
  name,
  publicKey: signer.publicKey,
  addedAt: 0,
  ...times,
});
const keys = trustedKeysOf([
  trusted(good, 'good'),
  trusted(second, 'second'),
  trusted(revoked, 'revoked', { revokedAt: 1 }),
  trusted(expired, 'expired', { validUntil: now }),
]);
const options = { keys, now, payloadType: TYPE };
const bad = expect.objectContaining({ code: 'SECURITY_BAD_SIGNATURE' });
const untrusted = expect.objectContaining({ code: 'SECURITY_UNTRUSTED' });

describe('envelope', () => {
  it('signs the pre-authentication encoding of the DSSE protocol', async () => {
    // The worked example of protocol.md in https://github.com/secure-systems-lab/dsse.
    const type = 'http://example.com/HelloWorld';
    const envelope = await signEnvelope(type, Buffer.from('hello world'), [good]);
    const encoded = Buffer.from('DSSEv1 29 http://example.com/HelloWorld 11 hello world');
    expect(good.publicKey.verify(encoded, envelope.signatures[0]?.signature as Uint8Array)).toBe(true);
  });

  it('reads back what it writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.string(), fc.nat(5), async (bytes, type, count) => {
        const envelope = await signEnvelope(type, bytes, signers.slice(0, count));
        const read = parseEnvelope(formatEnvelope(envelope));
        expect(formatEnvelope(read)).toBe(formatEnvelope(envelope));
        expect(Buffer.from(read.payload).equals(bytes)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it.each(['{"sig":"YQ=="}', '{"keyid":"","sig":"YQ=="}', '{"keyid":null,"sig":"YQ=="}'])(
    'takes %s as a signature that names no key',
    (signature) => {
      const envelope = parseEnvelope(`{"payloadType":"t","payload":"YQ==","signatures":[${signature}]}`);
      expect(envelope.signatures).toEqual([{ signature: Buffer.from('a') }]);
      expect(JSON.parse(formatEnvelope(envelope)).signatures).toEqual([{ sig: 'YQ==' }]);
    },
  );

  it('accepts the URL-safe alphabet', async () => {
    const text = formatEnvelope(await signEnvelope(TYPE, payload, [good]));
    const urlSafe = text.replace(/"sig":"[^"]*"/, (sig) =>
      sig.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
    );
    expect((await verifyEnvelope(parseEnvelope(urlSafe), options)).signers).toHaveLength(1);
  });

  it.each([
    '',
    'null',
    '[]',
    '{}',
    '{"payloadType":1,"payload":"","signatures":[]}',
    '{"payloadType":"t","payload":"***","signatures":[]}',
    '{"payloadType":"t","payload":"YQ=","signatures":{}}',
    '{"payloadType":"t","payload":"YR==","signatures":[]}',
    '{"payloadType":"t","payload":"YQ==","signatures":[null]}',
    '{"payloadType":"t","payload":"YQ==","signatures":[{"keyid":"k"}]}',
    '{"payloadType":"t","payload":"YQ==","signatures":[{"keyid":"k","sig":"Y*=="}]}',
    '{"payloadType":"t","payload":"YQ==","signatures":[{"keyid":1,"sig":"YQ=="}]}',
    '{"__proto__":{"payloadType":"t","payload":"YQ==","signatures":[]}}',
    `{"payloadType":"t","payload":"YQ==","signatures":[${Array(100).fill('{}').join()}]}`,
    `{"payloadType":${'['.repeat(100_000)}`,
    ' '.repeat(1 << 20),
  ])('refuses %s', (text) => {
    expect(() => parseEnvelope(text)).toThrow(bad);
  });

  it('parses any text or refuses it with a typed error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parseEnvelope(text);
        } catch (error) {
          expect(error).toEqual(bad);
        }
      }),
    );
  });
});

describe('verification of an envelope', () => {
  it('names every trusted signer once', async () => {
    const envelope = await signEnvelope(TYPE, payload, [good, stranger, good, second, revoked]);
    const { signers } = await verifyEnvelope(envelope, options);
    expect(signers.map(({ name }) => name)).toEqual(['good', 'second']);
  });

  it.each([
    ['no signature', []],
    ['an unknown key', [stranger]],
    ['a revoked key', [revoked]],
    ['an expired key', [expired]],
    ['none that counts', [stranger, revoked, expired]],
  ])('refuses %s', async (_, by) => {
    await expect(verifyEnvelope(await signEnvelope(TYPE, payload, by), options)).rejects.toThrow(untrusted);
  });

  it('refuses a signature made for another type of payload', async () => {
    const envelope = await signEnvelope('text/plain', payload, [good]);
    await expect(verifyEnvelope(envelope, options)).rejects.toThrow(bad);
    await expect(verifyEnvelope({ ...envelope, payloadType: TYPE }, options)).rejects.toThrow(bad);
  });

  it('refuses any changed byte of payload or signature', async () => {
    const envelope = await signEnvelope(TYPE, payload, [good]);
    const signature = envelope.signatures[0]?.signature as Uint8Array;
    for (const [target, length] of [
      [payload, payload.length],
      [signature, signature.length],
    ] as const) {
      for (let i = 0; i < length; i++) {
        const changed = Uint8Array.from(target);
        changed[i] = (changed[i] as number) ^ 1;
        const forged =
          target === payload
            ? { ...envelope, payload: changed }
            : { ...envelope, signatures: [{ keyId: good.keyId, signature: changed }] };
        await expect(verifyEnvelope(forged, options)).rejects.toThrow(bad);
      }
    }
  });

  it("refuses a stranger's signature under a trusted key's id", async () => {
    const envelope = await signEnvelope(TYPE, payload, [stranger]);
    const signatures = envelope.signatures.map((item) => ({ ...item, keyId: good.keyId }));
    await expect(verifyEnvelope({ ...envelope, signatures }, options)).rejects.toThrow(bad);
  });

  it('passes over a wrong signature beside a right one', async () => {
    const envelope = await signEnvelope(TYPE, payload, [good]);
    const wrong = { keyId: second.keyId, signature: new Uint8Array(64) };
    const { signers } = await verifyEnvelope({ ...envelope, signatures: [wrong, ...envelope.signatures] }, options);
    expect(signers.map(({ name }) => name)).toEqual(['good']);
  });

  it('counts a valid signature that names no key, and asks no revoked key', async () => {
    const nameless = async (by: Signer) =>
      (await signEnvelope(TYPE, payload, [by])).signatures.map(({ signature }) => ({ signature }));
    const envelope = { payloadType: TYPE, payload, signatures: await nameless(second) };
    expect((await verifyEnvelope(envelope, options)).signers.map(({ name }) => name)).toEqual(['second']);
    for (const by of [stranger, revoked, expired]) {
      const refused = { ...envelope, signatures: await nameless(by) };
      await expect(verifyEnvelope(refused, options)).rejects.toThrow(untrusted);
    }
  });

  it('needs one valid signature of a trusted key, whatever stands beside it', async () => {
    const [ours] = (await signEnvelope(TYPE, payload, [good])).signatures;
    const other = fc.record(
      {
        keyid: fc.oneof(fc.constantFrom(...signers.map(({ keyId }) => keyId), '', null), fc.string()),
        sig: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes).toString('base64')),
        cert: fc.string(),
      },
      { requiredKeys: ['sig'] },
    );
    const sig = Buffer.from(ours?.signature ?? []).toString('base64');
    const mine = fc.constantFrom({ keyid: good.keyId, sig }, { sig });
    await fc.assert(
      fc.asyncProperty(
        fc.array(other, { maxLength: 15 }),
        fc.array(other, { maxLength: 15 }),
        mine,
        async (a, b, own) => {
          const text = (signatures: unknown[]) =>
            JSON.stringify({ payloadType: TYPE, payload: payload.toString('base64'), signatures });
          const { signers: found } = await verifyEnvelope(parseEnvelope(text([...a, own, ...b])), options);
          expect(found.map(({ name }) => name)).toEqual(['good']);
          await expect(verifyEnvelope(parseEnvelope(text([...a, ...b])), options)).rejects.toThrow();
        },
      ),
    );
  });

  describe('by another algorithm', () => {
    let ecdsa: Uint8Array;
    beforeEach(() => {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const encoded = Buffer.from(`DSSEv1 ${TYPE.length} ${TYPE} ${payload.length} ${payload}`);
      ecdsa = sign('sha256', encoded, { key: privateKey, dsaEncoding: 'ieee-p1363' });
    });

    it('refuses it, under a trusted id or its own', async () => {
      const envelope = { payloadType: TYPE, payload, signatures: [{ keyId: good.keyId, signature: ecdsa }] };
      await expect(verifyEnvelope(envelope, options)).rejects.toThrow(bad);
      const own = { ...envelope, signatures: [{ keyId: 'a'.repeat(64), signature: ecdsa }] };
      await expect(verifyEnvelope(own, options)).rejects.toThrow(untrusted);
    });

    it('skips it beside ours, in DER and without a key id too', async () => {
      const { signatures } = await signEnvelope(TYPE, payload, [good]);
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      for (const signature of [ecdsa, sign('sha256', payload, privateKey), new Uint8Array(71)]) {
        for (const keyId of [undefined, 'somebody@example.org', good.keyId]) {
          const envelope = { payloadType: TYPE, payload, signatures: [{ keyId, signature }, ...signatures] };
          const read = parseEnvelope(formatEnvelope(envelope));
          expect((await verifyEnvelope(read, options)).signers).toHaveLength(1);
        }
      }
    });
  });
});
