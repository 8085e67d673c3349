import { createHmac, hash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRuntime } from 'vivarium';
import { CacheManager, currentEngineProfiles, resolveCacheConfig } from '#cache';
import type { Artifact, ArtifactTrust } from '#core/ports/artifact';
import { createArtifactTrust, MachineSecret } from '#security/keys';
import { trustedKeysOf } from '#security/signers';
import { systemClock, systemRandom } from '../../src/system/clock.ts';
import type { Report } from '../figure.ts';
import { median, paired } from '../support/measure.ts';
import { artifactOf } from './artifacts.ts';
import { information } from './start.ts';

const profiles = currentEngineProfiles({ jcoVersion: 'bench', meteringVersion: 'bench', configuration: {} });

/** The machine's seal as the product checks it. */
function sealOf(folder: string): ArtifactTrust {
  const secret = new MachineSecret(folder, systemRandom);
  return createArtifactTrust({ secret, keys: trustedKeysOf([]), clock: systemClock });
}

function cacheOn(root: string, trust: ArtifactTrust): CacheManager {
  return new CacheManager({
    profiles,
    trust,
    clock: systemClock,
    random: systemRandom,
    config: resolveCacheConfig({ root }),
  });
}

/** What one disk hit costs in a loaded process, and how much of it is the seal. */
export async function diskHits(report: Report, folder: string, component: string): Promise<void> {
  const root = `${folder}/hits`;
  const seal = sealOf(`${folder}/home`);
  const artifact = await artifactOf(component);
  const writer = cacheOn(root, seal);
  const key = await writer.keyOf(readFileSync(component));
  await writer.get(key, async () => artifact);
  await writer.close();
  const built = () => Promise.reject(new Error('built although it was there'));
  const hit = async (trust: ArtifactTrust): Promise<number> => {
    const cache = cacheOn(root, trust);
    const started = performance.now();
    await cache.get(key, built);
    return performance.now() - started;
  };
  await hit(seal);
  const unchecked: ArtifactTrust = { seal: (content) => seal.seal(content), check: async () => true };
  const { a, b, ratio } = await paired(
    31,
    () => hit(seal),
    () => hit(unchecked),
  );
  const figure = 'verification added to a disk hit of the QuickJS component';
  const value = (ratio - 1) * 100;
  report({ figure, value, unit: '%', peer: 'the same hit unchecked', goal: '<= 15', holds: value <= 15 });
  report(information('disk hit of the QuickJS component, checked', a));
  report(information('disk hit of the QuickJS component, unchecked', b));
  await partsOfHit(report, root, seal, artifact);
  const cache = cacheOn(root, seal);
  const before = readSoFar();
  await cache.get(key, built);
  const { diskReadBytes } = cache.metrics();
  if (before !== undefined) {
    const times = ((readSoFar() as number) - before) / diskReadBytes;
    report({
      figure: 'bytes read for a disk hit, as the kernel counts',
      value: times,
      unit: 'times the entry',
      goal: '<= 1.01',
      holds: times <= 1.01,
    });
  }
  rmSync(root, { recursive: true });
}

/** What a disk hit is made of, each part by itself. */
async function partsOfHit(report: Report, root: string, seal: ArtifactTrust, artifact: Artifact): Promise<void> {
  const [name] = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.viva'));
  const path = join(root, name as string);
  const content = await readFile(path);
  const sealed = await seal.seal(content);
  const parts: [string, () => Promise<unknown>][] = [
    ['read', () => readFile(path)],
    ['verify', () => seal.check(content, sealed)],
    [
      'compile',
      () => Promise.all(artifact.coreModules.map(({ bytes }) => WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>))),
    ],
  ];
  for (const [part, work] of parts) {
    const value = await median(31, async () => {
      const started = performance.now();
      await work();
      return performance.now() - started;
    });
    report(information(`  of a disk hit: ${part}`, value));
  }
}

/** A component that is in memory, to a new instance of it that has been initialised. */
export async function memoryHits(report: Report, component: string, small: Uint8Array): Promise<void> {
  const cases: [string, Uint8Array, number][] = [
    ['QuickJS component', readFileSync(component), 2],
    ['small component', small, 0.5],
  ];
  await using runtime = await createRuntime();
  for (const [name, bytes, goal] of cases) {
    const load = async (): Promise<number> => {
      const started = performance.now();
      const handle = await runtime.load(bytes);
      const taken = performance.now() - started;
      await runtime.unload(handle);
      return taken;
    };
    for (let warm = 0; warm < 50; warm += 1) await load();
    const value = await median(101, load);
    report({
      figure: `memory hit to new instance, ${name}`,
      value,
      unit: 'ms',
      goal: `<= ${goal}`,
      holds: value <= goal,
    });
  }
}

/** The hashes that could have stood for an entry, over as many bytes as a large component has. */
export async function hashes(report: Report): Promise<void> {
  const bytes = randomBytes(1_600_000);
  const { blake3 } = await import('hash-wasm');
  const candidates: [string, () => unknown][] = [
    ['HMAC-SHA256', () => createHmac('sha256', 'secret').update(bytes).digest()],
    ['BLAKE2b', () => hash('blake2b512', bytes)],
    ['BLAKE3 in WebAssembly', () => blake3(bytes)],
  ];
  for (const [name, compute] of candidates) {
    const value = await median(31, async () => {
      const started = performance.now();
      await compute();
      return performance.now() - started;
    });
    report({ ...information(`${name} of 1.6 MB`, value), goal: 'for the decision' });
  }
}

function readSoFar(): number | undefined {
  try {
    return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
