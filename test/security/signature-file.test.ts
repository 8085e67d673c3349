import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TrustStore } from '#security/keys';
import { readSignatureFile, signaturePath, signFile, verifyFile } from '#security/signatures';
import { Signer } from '#security/signers';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

const mediaType = 'application/wasm';

async function scene() {
  const folder = scratchFolder();
  const clock = new TestClock();
  const file = join(folder, 'counter.wasm');
  writeFileSync(file, 'component');
  const trust = new TrustStore(join(folder, 'home'), clock);
  const [a, b] = [Signer.generate(), Signer.generate()];
  await trust.add('a', a.publicKey);
  await trust.add('b', b.publicKey);
  const sign = (signer: Signer) => signFile(file, signer, { mediaType, signedAt: clock.now() });
  const verify = () => verifyFile(file, mediaType, { keys: trust, now: clock.now() });
  return { file, clock, trust, a, b, sign, verify };
}

describe('signature file', () => {
  it('lies beside the component and vouches for it', async () => {
    const { file, a, sign, verify } = await scene();
    await sign(a);
    expect(signaturePath(file)).toBe(`${file}.sig.json`);
    expect(statSync(`${file}.sig.json`).mode & 0o777).toBe(0o644);
    expect((await verify()).signers.map(({ name }) => name)).toEqual(['a']);
  });

  it('takes the signatures of several keys, at different times', async () => {
    const { file, clock, a, b, sign, verify } = await scene();
    await sign(a);
    clock.advance(60_000);
    await sign(b);
    await sign(b);
    expect((await readSignatureFile(file))?.signatures).toHaveLength(2);
    expect((await verify()).signers.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it('is replaced when the component changed or the file was damaged', async () => {
    const { file, a, b, sign, verify } = await scene();
    await sign(a);
    writeFileSync(file, 'rebuilt');
    await expect(verify()).rejects.toMatchObject({ code: 'SECURITY_BAD_SIGNATURE' });
    await sign(b);
    expect((await verify()).signers.map(({ name }) => name)).toEqual(['b']);
    writeFileSync(signaturePath(file), readFileSync(signaturePath(file)).subarray(0, 50));
    await expect(verify()).rejects.toMatchObject({ code: 'SECURITY_BAD_SIGNATURE' });
    await sign(a);
    expect((await verify()).signers.map(({ name }) => name)).toEqual(['a']);
  });

  it('stops counting when its key is revoked', async () => {
    const { trust, a, sign, verify } = await scene();
    await sign(a);
    await trust.revoke('a');
    await expect(verify()).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
  });

  it('is missed by name, and a missing component too', async () => {
    const { file, a, verify } = await scene();
    await expect(verify()).rejects.toMatchObject({
      code: 'SECURITY_UNTRUSTED',
      message: expect.stringContaining(`${file}.sig.json`),
    });
    await expect(signFile(`${file}.none`, a, { mediaType, signedAt: 0 })).rejects.toMatchObject({
      code: 'SECURITY_FILE_NOT_FOUND',
    });
  });

  it('is refused when it is a folder or a giant', async () => {
    const { file } = await scene();
    mkdirSync(signaturePath(file));
    await expect(readSignatureFile(file)).rejects.toMatchObject({ code: 'SECURITY_BAD_SIGNATURE' });
    writeFileSync(signaturePath(`${file}2`), ' '.repeat(1 << 20));
    await expect(readSignatureFile(`${file}2`)).rejects.toMatchObject({ code: 'SECURITY_BAD_SIGNATURE' });
  });
});
