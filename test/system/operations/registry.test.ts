import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createRuntime } from '#system';
import { openKeyring, openRegistry } from '#system/operations';
import { adderComponent } from '../../../tools/components/adder-component.ts';
import { scratchFolder } from '../../security/scratch.ts';
import { homeIn } from '../../support/home-in.ts';

describe('a runtime with a registry', () => {
  it('loads registry:ID, which counts as signed, until it is revoked', async () => {
    const home = homeIn(scratchFolder());
    await openKeyring(home).create('me');
    await using registry = await openRegistry({ home, registry: join(home, 'registry') });
    const publisher = await registry.publisher();
    const check = async (module: { call(name: string, args: unknown[]): Promise<unknown> }): Promise<void> =>
      expect(await module.call('add', [20, 22])).toBe(42);
    const metadata = { name: 'adder', version: '1.0.0', description: 'adds' };
    const { id } = await publisher.publishModule(await adderComponent(), metadata, { check });
    await using runtime = await createRuntime({ home, trust: 'signed', overrides: { registry: registry.client } });
    const handle = await runtime.load(`registry:${id}`);
    expect(await runtime.call(handle, 'add', 1, 2)).toBe(3);
    await expect(runtime.load(await adderComponent())).rejects.toMatchObject({ code: 'SECURITY_UNTRUSTED' });
    await publisher.revoke(id);
    await expect(runtime.load(`registry:${id}`)).rejects.toMatchObject({ code: 'REGISTRY_REVOKED' });
    await expect(runtime.load('registry:no-such')).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
  });

  it('keeps a component whose check fails in the sandbox pending', async () => {
    const home = homeIn(scratchFolder());
    await openKeyring(home).create('me');
    await using registry = await openRegistry({ home, registry: join(home, 'registry') });
    const publisher = await registry.publisher();
    const metadata = { name: 'adder', version: '1.0.0', description: 'adds' };
    const check = async (module: { call(name: string, args: unknown[]): Promise<unknown> }): Promise<void> => {
      await module.call('no-such-export', []);
    };
    await expect(publisher.publishModule(await adderComponent(), metadata, { check })).rejects.toMatchObject({
      code: 'REGISTRY_CHECK_FAILED',
    });
    await expect(publisher.publishModule(Buffer.from('\0asm'), metadata)).rejects.toMatchObject({
      code: 'REGISTRY_INVALID_MODULE',
    });
    expect(await registry.client.list()).toMatchObject([{ status: 'pending' }]);
  });

  it('says that it has none when it was given none', async () => {
    await using runtime = await createRuntime({ home: homeIn(scratchFolder()) });
    await expect(runtime.load('registry:x')).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });
});
