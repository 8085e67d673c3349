import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModuleRecord } from '#core/ports/registry';
import { Signer } from '#security/signers';
import { SOME_INTERFACE } from './module-records.ts';
import { createRig, metadata, type Rig, standIns } from './rig.ts';

const bytes = Buffer.from('component');
const byName = { interfaceHash: SOME_INTERFACE };

/** A registry with a module by a key that is revoked since, and the signer of another that is trusted. */
async function afterRevocation(): Promise<{ rig: Rig; old: ModuleRecord; second: Signer }> {
  const rig = await createRig();
  const old = await rig.publish('component');
  rig.trusting(rig.signer, { revokedAt: 1 });
  expect(await rig.client().query(byName)).toEqual([]);
  const second = Signer.generate();
  rig.trusting(second);
  return { rig, old, second };
}

function keyIdsOf(envelope: string | undefined): string[] {
  return JSON.parse(envelope ?? '{}').signatures.map(({ keyid }: { keyid: string }) => keyid);
}

describe('a module whose first key was revoked', () => {
  it('is found again once its bytes are published by another key', async () => {
    const { rig, old, second } = await afterRevocation();
    const again = await rig.publisher({ signer: second }).publishModule(bytes, metadata);
    expect(again).toMatchObject({ id: old.id, status: 'verified', keyId: second.keyId, createdAt: old.createdAt });
    expect(keyIdsOf(again.signature)).toEqual([rig.signer.keyId, second.keyId]);
    expect(keyIdsOf(again.verification)).toEqual([rig.signer.keyId, second.keyId]);
    expect((await rig.client().query(byName)).map(({ record }) => record.id)).toEqual([old.id]);
    const fetched = await rig.client().fetch(old.id);
    expect(Buffer.from(fetched.bytes)).toEqual(bytes);
    expect(fetched.signers).toEqual([second.keyId]);
    expect(await rig.index.list({})).toHaveLength(1);
  });

  it('is found again once it is signed by another key', async () => {
    const { rig, old, second } = await afterRevocation();
    await expect(rig.client().fetch(old.id)).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
    expect(await rig.publisher({ signer: second }).sign(old.id)).toMatchObject({ id: old.id, status: 'verified' });
    expect((await rig.client().fetch(old.id)).record.description).toBe(metadata.description);
  });

  it('is not signed by a key that is revoked, or not trusted', async () => {
    const { rig, old, second } = await afterRevocation();
    for (const signer of [rig.signer, Signer.generate()]) {
      const publisher = rig.publisher({ signer });
      await expect(publisher.publishModule(bytes, metadata)).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
      await expect(publisher.sign(old.id)).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
    }
    const standing = (await rig.index.list({}))[0];
    expect(standing?.signature).toBe(old.signature);
    await rig.publisher({ signer: second }).sign(old.id);
  });

  it.each([
    ['name', { name: 'other' }],
    ['version', { version: '2.0.0' }],
    ['description', { description: 'deletes everything' }],
    ['embedding', { embedding: Float32Array.of(2, -1) }],
  ])('is not signed by the way when its %s is another than the publisher says', async (field, change) => {
    const { rig, old, second } = await afterRevocation();
    const publishing = rig.publisher({ signer: second }).publishModule(bytes, { ...metadata, ...change });
    await expect(publishing).rejects.toMatchObject({
      code: 'REGISTRY_INVALID_METADATA',
      message: expect.stringMatching(new RegExp(`its ${field} .*viv registry sign ${old.id}`)),
    });
    expect(await rig.client().query(byName)).toEqual([]);
  });

  it('is signed only after its check passed', async () => {
    const { rig, old, second } = await afterRevocation();
    const publisher = rig.publisher({ signer: second });
    const check = () => Promise.reject(new Error('2 + 2 is 5'));
    for (const sign of [
      () => publisher.publishModule(bytes, metadata, { check }),
      () => publisher.sign(old.id, { check }),
    ]) {
      await expect(sign()).rejects.toMatchObject({ code: 'REGISTRY_CHECK_FAILED' });
    }
    expect(await rig.client().query(byName)).toEqual([]);
  });

  it('is verified by the verifier anew, where the policy wants another key than the publisher’s', async () => {
    const { rig, old, second } = await afterRevocation();
    const verifier = Signer.generate();
    rig.trusting(verifier);
    const client = rig.client({}, { separateVerifier: true });
    await rig.publisher({ signer: second }).sign(old.id);
    await expect(client.fetch(old.id)).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
    await rig.publisher({ signer: second, verifier }).sign(old.id);
    expect((await client.fetch(old.id)).record.id).toBe(old.id);
  });

  it('is verified when it was pending', async () => {
    const rig = await createRig();
    const check = () => Promise.reject(new Error('not yet'));
    await expect(rig.publisher().publishModule(bytes, metadata, { check })).rejects.toThrow('not yet');
    rig.trusting(rig.signer, { revokedAt: 1 });
    const second = Signer.generate();
    rig.trusting(second);
    const again = await rig.publisher({ signer: second }).publishModule(bytes, metadata);
    expect(again.status).toBe('verified');
    expect(await rig.client().query(byName)).toHaveLength(1);
  });
});

describe('signing a module again', () => {
  it('refuses a revoked module, an unknown one, and one whose bytes are gone', async () => {
    const rig = await createRig();
    const { id, storagePointer } = await rig.publish('component');
    await rig.blobs.delete(storagePointer);
    await expect(rig.publisher().sign(id)).rejects.toMatchObject({ code: 'REGISTRY_BLOB_MISSING' });
    await rig.publisher().revoke(id);
    await expect(rig.publisher().sign(id)).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    const second = Signer.generate();
    rig.trusting(second);
    await expect(rig.publisher({ signer: second }).publishModule(bytes, metadata)).rejects.toMatchObject({
      code: 'REGISTRY_REVOKED',
    });
    for (const unknown of ['nothing', '00000000-0000-0000-0000-000000000000']) {
      await expect(rig.publisher().sign(unknown)).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
    }
  });

  it.each([
    ['description', 'does something else'],
    ['created_at', 1],
    ['signature', '{}'],
    ['verification', null],
  ])('does not vouch for a row whose %s was edited', async (column, value) => {
    const { rig, old, second } = await afterRevocation();
    rig.tamper(`UPDATE modules SET ${column} = ? WHERE id = ?`, value, old.id);
    await expect(rig.publisher({ signer: second }).sign(old.id)).rejects.toMatchObject({
      code: 'REGISTRY_BAD_SIGNATURE',
    });
  });

  it('does not vouch for another interface than the bytes have', async () => {
    const { rig, old, second } = await afterRevocation();
    const inspect = () => ({ ...standIns.inspect(bytes), interfaceHash: 'sha256:'.padEnd(71, 'e') });
    await expect(rig.publisher({ signer: second, inspect }).sign(old.id)).rejects.toMatchObject({
      code: 'REGISTRY_INVALID_METADATA',
    });
  });

  it('takes the key in the row for a hint: authority comes from signatures that count', async () => {
    const { rig, old, second } = await afterRevocation();
    await rig.publisher({ signer: second }).sign(old.id);
    rig.tamper('UPDATE modules SET key_id = ? WHERE id = ?', rig.signer.keyId, old.id);
    expect((await rig.client().fetch(old.id)).signers).toEqual([second.keyId]);
    rig.tamper('UPDATE modules SET key_id = ? WHERE id = ?', 'f'.repeat(64), old.id);
    await expect(rig.client().fetch(old.id)).rejects.toMatchObject({ code: 'REGISTRY_BAD_SIGNATURE' });
  });

  it('keeps every signature when several keys sign at once', async () => {
    const { rig, old } = await afterRevocation();
    const signers = Array.from({ length: 5 }, () => Signer.generate());
    for (const signer of signers) rig.trusting(signer);
    await Promise.all(signers.map((signer) => rig.publisher({ signer }).sign(old.id)));
    const { signature, verification } = await rig.client().get(old.id);
    for (const envelope of [signature, verification]) {
      expect(keyIdsOf(envelope).toSorted()).toEqual([rig.signer, ...signers].map(({ keyId }) => keyId).toSorted());
    }
  });

  it('is found exactly as long as one key that signed it counts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ action: fc.constantFrom('sign', 'publish', 'revoke'), key: fc.nat(2) }), { maxLength: 8 }),
        async (steps) => {
          const rig = await createRig();
          const { id } = await rig.publish('component');
          const keys = [rig.signer, Signer.generate(), Signer.generate()];
          const state = keys.map((signer, index) => {
            rig.trusting(signer);
            return { signer, revoked: false, signed: index === 0 };
          });
          for (const { action, key } of steps) {
            const one = state[key]!;
            const publisher = rig.publisher({ signer: one.signer });
            const counts = state.some(({ revoked, signed }) => signed && !revoked);
            if (action === 'revoke') {
              rig.trusting(one.signer, { revokedAt: 1 });
              one.revoked = true;
            } else if (one.revoked) {
              const trying = action === 'sign' ? publisher.sign(id) : publisher.publishModule(bytes, metadata);
              await expect(trying).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
            } else if (action === 'sign') {
              await publisher.sign(id);
              one.signed = true;
            } else {
              await publisher.publishModule(bytes, metadata);
              one.signed ||= !counts;
            }
            const isFound = (await rig.client().query(byName)).length === 1;
            expect(isFound).toBe(state.some(({ revoked, signed }) => signed && !revoked));
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});
