import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { KeyStore, TrustStore } from '#security/keys';
import { Signer } from '#security/signers';
import { TestClock } from '../../../src/testing/clock.ts';
import { adderComponent } from '../../../tools/components/adder-component.ts';
import { findPostgres, startPostgres } from '../../../tools/servers/postgres-server.ts';
import { viv } from '../../cli/viv.ts';
import { scratchFolder } from '../../security/scratch.ts';
import { describeWithServer } from '../../support/real-server.ts';
import { canHaveS3, startS3 } from '../../support/versity-server.ts';

const areThere = findPostgres() !== undefined && canHaveS3();

describeWithServer('viv registry with PostgreSQL and S3', areThere, 'apt-get install postgresql golang', () => {
  it('publishes, finds, calls, revokes and collects', async () => {
    const [postgres, s3] = await Promise.all([startPostgres(), startS3()]);
    onTestFinished(async () => {
      vi.unstubAllEnvs();
      await Promise.all([postgres.close(), s3.close()]);
    });
    const folder = scratchFolder();
    const home = join(folder, 'home');
    vi.stubEnv('VIVARIUM_HOME', home);
    vi.stubEnv('AWS_ACCESS_KEY_ID', s3.credentials.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.credentials.secretAccessKey);
    vi.stubEnv('VIVARIUM_REGISTRY', await postgres.createDatabase('modules'));
    const signer = Signer.generate();
    await new KeyStore(home).save('me', signer);
    await new TrustStore(home, new TestClock()).add('me', signer.publicKey);
    const wasm = join(folder, 'adder.wasm');
    writeFileSync(wasm, await adderComponent());

    const blobs = `s3://${s3.bucket}/shared?endpoint=${encodeURIComponent(s3.endpoint)}`;
    const registry = (...args: string[]) => viv(['registry', ...args, '--blobs', blobs, '--json']);
    const published = await registry('publish', wasm, '--describe', 'adds two numbers', '--embedder', 'none');
    expect(published).toMatchObject({ code: 0, objects: [{ name: 'adder', status: 'verified' }] });
    const id = String(published.objects[0]?.id);
    const [found] = (await registry('query', '--interface', wasm, '--embedder', 'none')).objects;
    expect(found).toMatchObject({ id });
    const call = () => viv(['call', `registry:${id}`, 'add', '[20, 22]', '--blobs', blobs, '--json']);
    expect((await call()).objects).toMatchObject([{ result: 42 }]);
    expect((await registry('gc', '--grace', '0')).objects).toMatchObject([{ seen: 1, deleted: [] }]);
    expect((await registry('revoke', id)).objects).toMatchObject([{ id, status: 'revoked' }]);
    expect(await call()).toMatchObject({ code: 4, objects: [{ error: { code: 'REGISTRY_REVOKED' } }] });
    expect((await registry('gc', '--grace', '0')).objects).toMatchObject([{ seen: 1, deleted: [expect.any(String)] }]);

    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
    writeFileSync(wasm, await adderComponent(1));
    const refused = await registry('publish', wasm, '--describe', 'adds and one more', '--embedder', 'none');
    expect(refused).toMatchObject({ code: 6, objects: [{ error: { code: 'REGISTRY_REFUSED' } }] });
    expect((await registry('list')).objects).toMatchObject([{ id }]);
  });
});
