import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Artifact, ArtifactBuilder } from '#core/ports/artifact';
import type { MeteringMode } from '#core/ports/meter';
import { systemClock } from '#core/ports/system-clock';
import { ChildBuilder } from '#runtime';
import { createRuntime, type RuntimeOptions } from '../../src/index.ts';
import { buildProgram } from '../../src/system/build-program.ts';
import { actor } from '../../tools/components/actor-wat.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vivarium-system-cache-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Builds each component once for all tests: what they are about is what becomes of the artifact. */
class BuiltOnce implements ArtifactBuilder {
  readonly #builder = new ChildBuilder({ program: buildProgram(), clock: systemClock });
  readonly #built = new Map<string, Promise<Artifact>>();
  readonly fingerprint = this.#builder.fingerprint;

  build(component: Uint8Array, mode: MeteringMode): Promise<Artifact> {
    const key = hash('sha256', component);
    const artifact = this.#built.get(key) ?? this.#builder.build(component, mode);
    this.#built.set(key, artifact);
    return artifact;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
const builder = new BuiltOnce();

/** A builder that refuses, because it must not be asked. */
function refusing(): ArtifactBuilder {
  return {
    fingerprint: builder.fingerprint,
    build: () => Promise.reject(new Error('built although it was there')),
    close: async () => {},
  };
}

async function answer(bytes: Uint8Array, options: RuntimeOptions = {}): Promise<string> {
  await using runtime = await createRuntime({ cache: { root }, overrides: { builder }, ...options });
  const handle = await runtime.load(bytes);
  const reply = await runtime.request(handle, Buffer.from('hello'));
  return Buffer.from(reply as Uint8Array).toString();
}

function entries(): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.viva'))
    .map((name) => join(root, name));
}

it('a second runtime takes what the first one built, and builds nothing', async () => {
  const bytes = await actor();
  expect(await answer(bytes)).toBe('hello');
  expect(entries()).toHaveLength(1);
  expect(await answer(bytes, { overrides: { builder: refusing() } })).toBe('hello');
});

it('a start from a warm disk loads neither the transpiler nor the parser that checks its output', async () => {
  const component = join(root, 'actor.wasm');
  writeFileSync(component, await actor());
  const env = { ...process.env, VIVARIUM_CACHE_DIR: join(root, 'cache'), VIVARIUM_HOME: join(root, 'home') };
  const script = join(import.meta.dirname, 'support/loaded-modules.ts');
  const start = (): { reply: string; modules: string[] } =>
    JSON.parse(execFileSync(process.execPath, [script, component], { env, encoding: 'utf8' }));
  expect(start().reply).toBe('hello');
  const { reply, modules } = start();
  expect(reply).toBe('hello');
  expect(modules.length).toBeGreaterThan(50);
  expect(
    modules.filter((url) => /jco-transpile|acorn|hash-wasm|generated-code|cache\/(doctor|prune|warmup)/.test(url)),
  ).toEqual([]);
});

it('an entry that somebody edited is built again, never run', async () => {
  const bytes = await actor();
  await answer(bytes);
  const [entry] = entries() as [string];
  const edited = readFileSync(entry, 'latin1').replace('exported0', 'EXPORTED0');
  expect(edited).not.toBe(readFileSync(entry, 'latin1'));
  writeFileSync(entry, edited, 'latin1');
  expect(await answer(bytes)).toBe('hello');
  expect(readFileSync(entry, 'latin1')).not.toBe(edited);
});

it('a cache folder that cannot be used is told of, and components load without it', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  await using runtime = await createRuntime({ cache: { root: file }, overrides: { builder } });
  const told: string[] = [];
  runtime.on('cache', ({ error }) => told.push(error.code));
  await runtime.load(await actor());
  expect(told).toEqual(['CACHE_UNSAFE_ROOT']);
  expect(statSync(file).isFile()).toBe(true);
});

it("seals by the secret of the runtime's own home, and trusts no other", async () => {
  const [own, other] = [join(root, 'own'), join(root, 'other')];
  const bytes = await actor();
  expect(await answer(bytes, { home: own })).toBe('hello');
  expect(readdirSync(own)).toContain('machine.secret');
  const [entry] = entries() as [string];
  const sealed = readFileSync(entry);
  const overrides = { builder: refusing() };
  expect(await answer(bytes, { home: own, overrides })).toBe('hello');
  await expect(answer(bytes, { home: other, overrides })).rejects.toThrow('built although it was there');
  expect(await answer(bytes, { home: other })).toBe('hello');
  expect(readFileSync(entry)).not.toEqual(sealed);
});

it('keeps the artifact in memory alone when that is asked for', async () => {
  expect(await answer(await actor(), { cache: false })).toBe('hello');
  expect(entries()).toEqual([]);
});

it('one load that is given up does not take the component from another', async () => {
  const bytes = await actor();
  await using runtime = await createRuntime({ cache: { root } });
  const controller = new AbortController();
  const gone = runtime.load(bytes, { signal: controller.signal });
  const kept = runtime.load(bytes);
  controller.abort();
  await expect(gone).rejects.toMatchObject({ code: 'RUNTIME_ABORTED' });
  const reply = await runtime.request(await kept, Buffer.from('still here'));
  expect(Buffer.from(reply as Uint8Array).toString()).toBe('still here');
});
