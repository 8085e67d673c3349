// Takes the npm registry: the componentizer of this engine is fetched by npx.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildActor, createRuntime, inspectComponent } from '../../../src/index.ts';

it('an actor built with StarlingMonkey runs, is metered, and has the interface of the one built with QuickJS', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-starlingmonkey-'));
  const [large, small] = [join(folder, 'large.wasm'), join(folder, 'small.wasm')];
  await buildActor('examples/hello/actor.ts', { output: large, engine: 'starlingmonkey' });
  await buildActor('examples/hello/actor.ts', { output: small });
  await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 10_000, maxMemoryBytes: 256 * 2 ** 20 } });
  const handle = await runtime.load(large);
  const reply = await runtime.request(handle, Buffer.from('Ada'), { timeoutMs: 10_000 });
  expect(Buffer.from(reply ?? []).toString()).toBe('Hello, Ada!');
  expect(runtime.usage(handle).last.fuelConsumed).toBeGreaterThan(0n);
  const [a, b] = [await inspectComponent(large), await inspectComponent(small)];
  expect(a.interfaceHash).toBe(b.interfaceHash);
  await rm(folder, { recursive: true });
});
