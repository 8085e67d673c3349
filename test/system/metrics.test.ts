import { expect, it, onTestFinished } from 'vitest';
import { createRuntime } from '#system';
import { adderComponent } from '../../tools/components/adder-component.ts';
import { createRig } from '../registry/rig.ts';
import { scratchFolder } from '../security/scratch.ts';

it('counts what the cache, the registry and the messages of a runtime came to', async () => {
  const rig = await createRig();
  const bytes = await adderComponent();
  const { id } = await rig.publisher().publishModule(bytes, { name: 'a', version: '1.0.0', description: 'adds' });
  const runtime = await createRuntime({
    cache: { root: scratchFolder() },
    overrides: { registry: rig.client() },
  });
  onTestFinished(() => runtime.close());
  const before = runtime.metrics();
  expect(before).toMatchObject({ cache: { compiles: 0 }, registry: { fetches: 0 }, messages: { offered: 0 } });
  const handle = await runtime.load(`registry:${id}`);
  await runtime.call(handle, 'add', 1, 2);
  await runtime.load(bytes);
  const unknown = '00000000-0000-0000-0000-000000000000';
  await expect(runtime.load(`registry:${unknown}`)).rejects.toMatchObject({ code: 'REGISTRY_NOT_FOUND' });
  rig.trusting(rig.signer, { revokedAt: 1 });
  await expect(runtime.load(`registry:${id}`)).rejects.toMatchObject({ code: 'REGISTRY_UNTRUSTED' });
  expect(runtime.metrics()).toMatchObject({
    cache: { compiles: 1, stores: 1, memoryHits: 1, disk: 'ready' },
    registry: { fetches: 3, fetchedBytes: bytes.length, refused: 1, failures: 1, queries: 0 },
    messages: { inFlight: 0, openRequests: 0 },
  });
  expect(before.cache.compiles).toBe(0);
  expect(JSON.parse(JSON.stringify(runtime.metrics())).messages.inFlight).toBe(0);
});

it('has no counts of a registry where there is none, or where it does not count', async () => {
  const registry = { fetch: () => Promise.reject(new Error('nothing here')) };
  for (const overrides of [{}, { registry }]) {
    const runtime = await createRuntime({ cache: false, overrides });
    expect(runtime.metrics()).toMatchObject({ registry: undefined, cache: { disk: 'none', diskBytes: undefined } });
    await runtime.close();
  }
});
