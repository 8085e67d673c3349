import { chmodSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TrustStore } from '#security/keys';
import { Signer } from '#security/signers';
import { keyStatus } from '../../src/security/signers/trusted-keys.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

function store(): { home: string; clock: TestClock; trust: TrustStore; path: (keyId: string) => string } {
  const home = scratchFolder();
  const clock = new TestClock();
  return { home, clock, trust: new TrustStore(home, clock), path: (keyId) => join(home, 'trust', `${keyId}.json`) };
}

describe('trust store', () => {
  it('finds by id what was added, with its name and validity', async () => {
    const { trust, clock } = store();
    const { publicKey } = Signer.generate();
    await trust.add('release', publicKey, { validFrom: clock.now(), validUntil: clock.now() + 1000 });
    expect(await trust.find(publicKey.keyId)).toMatchObject({
      keyId: publicKey.keyId,
      name: 'release',
      addedAt: clock.now(),
      validFrom: clock.now(),
      validUntil: clock.now() + 1000,
      revokedAt: undefined,
    });
    expect(await trust.find('0'.repeat(64))).toBeUndefined();
  });

  it('lists by name', async () => {
    const { trust } = store();
    expect(await trust.list()).toEqual([]);
    for (const name of ['b', 'a', 'c']) await trust.add(name, Signer.generate().publicKey);
    expect((await trust.list()).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('takes neither a name nor a key twice', async () => {
    const { trust } = store();
    const { publicKey } = Signer.generate();
    await trust.add('a', publicKey);
    await expect(trust.add('a', Signer.generate().publicKey)).rejects.toMatchObject({ code: 'SECURITY_KEY_EXISTS' });
    await expect(trust.add('b', publicKey)).rejects.toMatchObject({ code: 'SECURITY_KEY_EXISTS' });
  });

  it('revokes for good, by name or id, in every process from the next look-up', async () => {
    const { home, trust, clock } = store();
    const [a, b] = [Signer.generate(), Signer.generate()];
    await trust.add('a', a.publicKey);
    await trust.add('b', b.publicKey);
    const other = new TrustStore(home, clock);
    expect((await other.find(a.keyId))?.revokedAt).toBeUndefined();
    await trust.revoke('a', 'stolen');
    await trust.revoke(b.keyId);
    expect(await other.find(a.keyId)).toMatchObject({ revokedAt: clock.now(), revocationReason: 'stolen' });
    expect((await other.find(b.keyId))?.revokedAt).toBe(clock.now());
    await expect(trust.add('a2', a.publicKey)).rejects.toMatchObject({ code: 'SECURITY_KEY_EXISTS' });
    const then = clock.now();
    clock.advance(1000);
    expect((await trust.revoke('a', 'again')).revokedAt).toBe(then);
    await expect(trust.revoke('nobody')).rejects.toMatchObject({ code: 'SECURITY_KEY_NOT_FOUND' });
  });

  it('never looks outside its folder, whatever an envelope calls its key', async () => {
    const { home, trust } = store();
    const { publicKey } = Signer.generate();
    await trust.add('a', publicKey);
    const path = join(home, 'trust', `${publicKey.keyId}.json`);
    renameSync(path, join(home, `${publicKey.keyId}.json`));
    expect(await trust.find(`../${publicKey.keyId}`)).toBeUndefined();
    expect(await trust.find('__proto__')).toBeUndefined();
  });

  it.each([
    ['not JSON', () => 'x'],
    ['another version', (text: string) => text.replace('"version": 1', '"version": 2')],
    ['an unknown field', (text: string) => text.replace('"version": 1', '"version": 1, "revoked_at": "x"')],
    [
      'a revocation that cannot be read',
      (text: string) => text.replace('"version": 1', '"version": 1, "revokedAt": "soon"'),
    ],
    ['a validity that is no text', (text: string) => text.replace('"version": 1', '"version": 1, "validUntil": 5')],
    ['no name', (text: string) => text.replace('"name": "a",', '')],
    ['a name with control characters', (text: string) => text.replace('"a"', '"a\\u001b"')],
    [
      'another key',
      (text: string) =>
        text.replace(/"publicKey": "[^"]*"/, `"publicKey": ${JSON.stringify(Signer.generate().publicKey.toPem())}`),
    ],
    ['__proto__', (text: string) => text.replace('"version": 1', '"version": 1, "__proto__": {"revokedAt": 1}')],
    ['10,000 levels', () => '['.repeat(10_000)],
  ])('refuses an entry with %s', async (_, change) => {
    const { trust, path } = store();
    const { publicKey } = Signer.generate();
    await trust.add('a', publicKey);
    writeFileSync(path(publicKey.keyId), change(readFileSync(path(publicKey.keyId), 'utf8')));
    await expect(trust.find(publicKey.keyId)).rejects.toMatchObject({ code: 'SECURITY_KEY_INVALID' });
  });

  it('refuses an entry that others may write, a link and a giant', async () => {
    const { trust, path } = store();
    const [a, b, c] = [Signer.generate(), Signer.generate(), Signer.generate()];
    for (const [name, signer] of Object.entries({ a, b, c })) await trust.add(name, signer.publicKey);
    chmodSync(path(a.keyId), 0o666);
    renameSync(path(b.keyId), `${path(b.keyId)}.real`);
    symlinkSync(`${path(b.keyId)}.real`, path(b.keyId));
    writeFileSync(path(c.keyId), ' '.repeat(1 << 20));
    for (const { keyId } of [a, b, c]) {
      await expect(trust.find(keyId)).rejects.toMatchObject({ code: 'SECURITY_UNSAFE_FILE' });
    }
  });

  it('keeps every one of ten keys added at once', async () => {
    const { trust } = store();
    const signers = Array.from({ length: 10 }, () => Signer.generate());
    await Promise.all(signers.map((signer, i) => trust.add(`k${i}`, signer.publicKey)));
    expect(await trust.list()).toHaveLength(10);
  });
});

describe('status of a key', () => {
  const key = { keyId: '', name: '', publicKey: Signer.generate().publicKey, addedAt: 0 };

  it.each([
    [{}, 'valid'],
    [{ validFrom: 11 }, 'not-yet-valid'],
    [{ validFrom: 10 }, 'valid'],
    [{ validUntil: 10 }, 'expired'],
    [{ validUntil: 11 }, 'valid'],
    [{ revokedAt: 99 }, 'revoked'],
    [{ revokedAt: 1, validUntil: 1 }, 'revoked'],
  ] as const)('with %j at 10 is %s', (times, status) => {
    expect(keyStatus({ ...key, ...times }, 10)).toBe(status);
  });
});
