import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StaticDelegationEngine } from '#delegation';
import {
  FolderBlobStore,
  hashesOfComponent,
  type LoadedModule,
  ModulePublisher,
  ModuleTrust,
  RegistryClient,
  SqliteModuleIndex,
} from '#registry';
import { Signer, trustedKeysOf } from '#security/signers';
import { createRuntime, type Runtime } from '#system';
import { systemClock as clock } from '../../src/system/clock.ts';
import { adderComponent } from '../../tools/components/adder-component.ts';
import type { Report } from '../figure.ts';
import { percentile } from './vectors.ts';

const meaning = Float32Array.from({ length: 512 }, (_, at) => Math.sin(at));
const LARGE_BYTES = 1_600_000;

/** What a hit costs from the query to the first reply, against loading the same component from a file. */
export async function measureHits(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-bench-'));
  const index = await SqliteModuleIndex.open({ path: join(folder, 'index.db'), clock });
  const blobs = new FolderBlobStore(join(folder, 'blobs'), clock);
  const signer = Signer.generate();
  const { keyId, publicKey } = signer;
  const trust = new ModuleTrust({ keys: trustedKeysOf([{ keyId, publicKey, name: 'bench', addedAt: 0 }]), clock });
  // The publisher's own load is the runtime's, which has benchmarks of its own; here it would warm the cache.
  const load = async (bytes: Uint8Array): Promise<LoadedModule> => ({
    bytes,
    call: async () => undefined,
    close: async () => undefined,
  });
  const publisher = new ModulePublisher({ index, blobs, trust, clock, signer, inspect: hashesOfComponent, load });
  const client = new RegistryClient({ index, blobs, trust, clock });
  const describe = (name: string, at: number) => ({
    name,
    version: '1.0.0',
    description: `adds ${at}`,
    embedding: meaning.map((value, k) => (k === at % 512 ? value + 50 : value)),
    embedderId: 'bench',
  });
  const { interfaceHash } = hashesOfComponent(await adderComponent());

  const first: number[] = [];
  const last: number[] = [];
  for (let at = 0; at < 1_000; at += 1) {
    const bytes = await adderComponent(at, 2_000);
    const began = performance.now();
    await publisher.publishModule(bytes, describe('published', at));
    const took = performance.now() - began;
    if (at >= 100 && at < 300) first.push(took);
    if (at >= 800) last.push(took);
  }
  const growth = percentile(last, 0.5) / percentile(first, 0.5);
  report({
    figure: 'publishing 1,000 modules, the last 200 against the 200 after the first 100',
    value: growth,
    unit: 'times',
    peer: 'the earlier ones',
    goal: '<= 1.2',
    holds: growth <= 1.2,
  });

  const answer = async (runtime: Runtime, source: Uint8Array | string): Promise<void> => {
    const handle = await runtime.load(source);
    await runtime.call(handle, 'add', 1, 2);
    await runtime.unload(handle);
  };
  const hit = async (runtime: Runtime, at: number): Promise<void> => {
    const { embedding, embedderId } = describe('', at);
    const [match] = await client.query({ interfaceHash, embedding, embedderId });
    if (match === undefined) throw new Error('the query found nothing');
    await answer(runtime, (await client.fetch(match.record.id)).bytes);
  };

  await using runtime = await createRuntime();
  const [cold, file]: [number[], number[]] = [[], []];
  for (let at = 0; at < 24; at += 1) {
    // Components that neither this machine nor the other way of loading has seen, taken in turn.
    const path = join(folder, 'cold.wasm');
    await writeFile(path, await adderComponent(5_000 + at, 2_000));
    const bytes = await adderComponent(6_000 + at, 2_000);
    await publisher.publishModule(bytes, { ...describe('cold', 1), embedding: near(meaning, at) });
    const began = performance.now();
    await answer(runtime, path);
    const between = performance.now();
    const [match] = await client.query({ interfaceHash, embedding: near(meaning, at), threshold: 0.9999 });
    await answer(runtime, (await client.fetch(match!.record.id)).bytes);
    const end = performance.now();
    if (at < 4) continue;
    file.push(between - began);
    cold.push(end - between);
  }
  const ratio = percentile(cold, 0.5) / percentile(file, 0.5);
  report({
    figure: 'a hit on a component that is new to this machine, query to first reply',
    value: ratio,
    unit: 'times',
    peer: 'loading it from a file',
    goal: '<= 1.2',
    holds: ratio <= 1.2,
  });

  const cached = async (at: number): Promise<number> => {
    for (let warm = 0; warm < 5; warm += 1) await hit(runtime, at);
    const times: number[] = [];
    for (let run = 0; run < 200; run += 1) {
      const began = performance.now();
      await hit(runtime, at);
      times.push(performance.now() - began);
    }
    return percentile(times, 0.99);
  };
  const small = await cached(7);
  report({
    figure: 'a hit with its artifact cached, small component, p99',
    value: small,
    unit: 'ms',
    goal: '<= 15',
    holds: small <= 15,
  });
  await publisher.publishModule(await adderComponent(7_000, LARGE_BYTES), {
    ...describe('large', 8),
    embedding: meaning.map((value) => -value),
  });
  const largeTimes: number[] = [];
  for (let run = 0; run < 105; run += 1) {
    const began = performance.now();
    const [match] = await client.query({ interfaceHash, embedding: meaning.map((value) => -value) });
    await answer(runtime, (await client.fetch(match!.record.id)).bytes);
    if (run >= 5) largeTimes.push(performance.now() - began);
  }
  const large = percentile(largeTimes, 0.99);
  report({
    figure: 'a hit with its artifact cached, 1.6 MB component, p99',
    value: large,
    unit: 'ms',
    goal: '<= 40',
    holds: large <= 40,
  });

  const engine = new StaticDelegationEngine({ targets: {}, otherwise: { kind: 'LocalPure' }, clock });
  const context = { fnSymbol: 'add', argTypeFingerprint: 'u32,u32', interfaceHash, runtimeContextHash: 'bench' };
  for (let at = 0; at < 20_000; at += 1) await engine.decide(context);
  const began = performance.now();
  for (let at = 0; at < 100_000; at += 1) await engine.decide(context);
  const decision = ((performance.now() - began) * 1_000) / 100_000;
  report({ figure: 'a memoised decision', value: decision, unit: 'us', goal: '<= 5', holds: decision <= 5 });
  await index.close();
  await rm(folder, { recursive: true });
}

/** Meanings that no two of the cold components share. */
function near(vector: Float32Array, at: number): Float32Array {
  return vector.map((value, k) => value + Math.cos(k * (at + 2)));
}
