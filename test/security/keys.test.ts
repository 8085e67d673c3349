import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyStore } from '#security/keys';
import { PublicKey, Signer } from '#security/signers';
import { scratchFolder } from './scratch.ts';

const invalid = expect.objectContaining({ code: 'SECURITY_KEY_INVALID' });

const pairs = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ec: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  ed448: () => generateKeyPairSync('ed448'),
  x25519: () => generateKeyPairSync('x25519'),
};

describe('key', () => {
  it('verifies what its private half signed, and nothing else', () => {
    const signer = Signer.generate();
    const other = Signer.generate();
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(511), (data, bit) => {
        const signature = signer.sign(data);
        expect(signer.publicKey.verify(data, signature)).toBe(true);
        expect(other.publicKey.verify(data, signature)).toBe(false);
        expect(signer.publicKey.verify(Uint8Array.of(...data, 0), signature)).toBe(false);
        const flipped = Uint8Array.from(signature);
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(signer.publicKey.verify(data, flipped)).toBe(false);
      }),
    );
  });

  it('has the SHA-256 of its SubjectPublicKeyInfo as its id', () => {
    // The public key of RFC 8410, section 10.1; the digest is `openssl pkey -pubin -outform DER | sha256sum`.
    const pem = 'MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=';
    const key = PublicKey.fromPem(`-----BEGIN PUBLIC KEY-----\n${pem}\n-----END PUBLIC KEY-----\n`);
    expect(key.keyId).toBe('a1e9156054e04fac899ae9f275132cdc07a5dbc4ea2c2ad3a1ffc6e0d253681f');
  });

  it('reads back what it writes', () => {
    const signer = Signer.generate();
    expect(PublicKey.fromPem(signer.publicKey.toPem()).keyId).toBe(signer.keyId);
    expect(Signer.fromPem(signer.toPrivatePem()).keyId).toBe(signer.keyId);
  });

  it.each(['rsa', 'ec', 'ed448', 'x25519'] as const)('of type %s is refused', (type) => {
    const pair = pairs[type]();
    const privatePem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const publicPem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    expect(() => Signer.fromPem(privatePem)).toThrow(invalid);
    expect(() => PublicKey.fromPem(publicPem)).toThrow(invalid);
  });

  it('is refused when it is a private key where a public one is wanted, or damaged', () => {
    const pem = Signer.generate().toPrivatePem();
    expect(() => PublicKey.fromPem(pem)).toThrow(invalid);
    expect(() => Signer.fromPem(pem.replace('MC4C', 'MC4D'))).toThrow(invalid);
    expect(() => Signer.fromPem('')).toThrow(invalid);
  });

  it('is shown by neither printing, serialising nor an error', () => {
    const signer = Signer.generate();
    const secret = (signer.toPrivatePem().split('\n')[1] as string).slice(8);
    expect(inspect(signer, { depth: 9, showHidden: true })).not.toContain(secret);
    expect(JSON.stringify(signer)).not.toContain(secret);
    let thrown: unknown;
    try {
      Signer.fromPem(signer.toPrivatePem().replace('MC4C', 'MC4D'));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toEqual(invalid);
    expect(inspect(thrown, { depth: 9, showHidden: true })).not.toContain(secret);
  });
});

describe('key store', () => {
  it('keeps private keys in files of mode 0600 and gives them back by name', async () => {
    const home = scratchFolder();
    const store = new KeyStore(home);
    const signer = Signer.generate();
    await store.save('release', signer);
    expect(statSync(join(home, 'keys', 'release.pem')).mode & 0o777).toBe(0o600);
    expect((await store.signer('release')).keyId).toBe(signer.keyId);
    expect(await store.names()).toEqual(['release']);
  });

  it('does not overwrite a key', async () => {
    const store = new KeyStore(scratchFolder());
    const first = Signer.generate();
    await store.save('k', first);
    await expect(store.save('k', Signer.generate())).rejects.toMatchObject({ code: 'SECURITY_KEY_EXISTS' });
    expect((await store.signer('k')).keyId).toBe(first.keyId);
  });

  it('says how to make a key that is not there', async () => {
    await expect(new KeyStore(scratchFolder()).signer('k')).rejects.toMatchObject({
      code: 'SECURITY_KEY_NOT_FOUND',
      message: expect.stringContaining('viv key new k'),
    });
  });

  it('refuses a key that others can read, and one of another type', async () => {
    const home = scratchFolder();
    const store = new KeyStore(home);
    await store.save('k', Signer.generate());
    chmodSync(join(home, 'keys', 'k.pem'), 0o644);
    await expect(store.signer('k')).rejects.toMatchObject({ code: 'SECURITY_UNSAFE_FILE' });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(join(home, 'keys', 'rsa.pem'), pem, { mode: 0o600 });
    await expect(store.signer('rsa')).rejects.toThrow(invalid);
  });

  it.each(['', '..', '../k', 'a/b', 'K', 'k\0', 'ключ', '.k', 'a'.repeat(64)])('refuses the name %j', async (name) => {
    const home = scratchFolder();
    mkdirSync(join(home, 'keys'));
    await expect(new KeyStore(home).save(name, Signer.generate())).rejects.toThrow(invalid);
    await expect(new KeyStore(home).signer(name)).rejects.toThrow(invalid);
  });
});
