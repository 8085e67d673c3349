import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { programBeside } from '#processes';
import { createArtifactTrust, MachineSecret, signArtifact, TrustStore } from '#security/keys';
import { digestOf, formatEnvelope, signStatement } from '#security/signatures';
import { Signer } from '#security/signers';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from './scratch.ts';

const random = { bytes: (length: number) => randomBytes(length), fraction: () => 0 };

function machine(home = scratchFolder()) {
  const clock = new TestClock();
  const keys = new TrustStore(home, clock);
  return { home, clock, keys, trust: createArtifactTrust({ secret: new MachineSecret(home, random), keys, clock }) };
}

const content = Buffer.from('generated code');

describe('seal of a machine', () => {
  it('stands for the sealed content, in every process of this machine, and for nothing else', async () => {
    const { home, trust } = machine();
    const again = machine(home).trust;
    const elsewhere = machine().trust;
    await fc.assert(
      fc.asyncProperty(fc.uint8Array(), fc.uint8Array(), async (bytes, others) => {
        const seal = await trust.seal(bytes);
        expect(await again.check(bytes, seal)).toBe(true);
        expect(await elsewhere.check(bytes, seal)).toBe(false);
        expect(await trust.check(others, seal)).toBe(Buffer.from(bytes).equals(others));
      }),
      { numRuns: 50 },
    );
  });

  it('is broken by any changed bit', async () => {
    const { trust } = machine();
    const seal = await trust.seal(content);
    for (let bit = 0; bit < seal.length * 8; bit++) {
      const changed = Uint8Array.from(seal);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(await trust.check(content, changed)).toBe(false);
    }
  });

  it.each([
    ['empty', new Uint8Array()],
    ['too short', Uint8Array.of(1, 2, 3)],
    ['zeros', new Uint8Array(33)],
    ['text', Buffer.from('{"payload":')],
    ['large', Buffer.alloc(1 << 20, ' ')],
  ])('is refused when it is %s', async (_, seal) => {
    expect(await machine().trust.check(content, seal)).toBe(false);
  });

  it('rests on a secret of mode 0600 that checking does not make', async () => {
    const { home, trust } = machine();
    const path = join(home, 'machine.secret');
    expect(await trust.check(content, Uint8Array.of(1, ...new Uint8Array(32)))).toBe(false);
    expect(existsSync(path)).toBe(false);
    await trust.seal(content);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).size).toBe(32);
  });

  it('cannot be made with a secret that others can read, or a shortened one', async () => {
    const { home, trust } = machine();
    await trust.seal(content);
    chmodSync(join(home, 'machine.secret'), 0o644);
    await expect(machine(home).trust.seal(content)).rejects.toMatchObject({ code: 'SECURITY_UNSAFE_FILE' });
    chmodSync(join(home, 'machine.secret'), 0o600);
    truncateSync(join(home, 'machine.secret'), 0);
    await expect(machine(home).trust.seal(content)).rejects.toMatchObject({ code: 'SECURITY_UNSAFE_FILE' });
  });

  it('is the same for processes that race to make the secret', async () => {
    const home = scratchFolder();
    const program = programBeside(import.meta.url, './seal').pathname;
    const runs = Array.from({ length: 6 }, () => promisify(execFile)(process.execPath, [program, home, 'content']));
    const seals = new Set((await Promise.all(runs)).map(({ stdout }) => stdout));
    expect(seals.size).toBe(1);
    expect(await machine(home).trust.check(Buffer.from('content'), Buffer.from([...seals].join(), 'hex'))).toBe(true);
  });
});

describe('signature in place of a seal', () => {
  it('counts if its key is trusted here, until that is revoked', async () => {
    const signer = Signer.generate();
    const { keys, trust, clock } = machine();
    const seal = await signArtifact(content, [signer], clock);
    expect(await trust.check(content, seal)).toBe(false);
    await keys.add('builder', signer.publicKey);
    expect(await trust.check(content, seal)).toBe(true);
    expect(await trust.check(Buffer.from('other'), seal)).toBe(false);
    await keys.revoke('builder');
    expect(await trust.check(content, seal)).toBe(false);
  });

  it("does not count when it was given for a component: an artifact's bytes are run as the host", async () => {
    const signer = Signer.generate();
    const { keys, trust, clock } = machine();
    await keys.add('publisher', signer.publicKey);
    const statement = { digest: digestOf(content), mediaType: 'application/wasm', signedAt: clock.now() };
    expect(await trust.check(content, Buffer.from(formatEnvelope(await signStatement(statement, [signer]))))).toBe(
      false,
    );
  });
});
