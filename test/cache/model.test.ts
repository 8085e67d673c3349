import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { VivariumError } from '#core/errors';
import { TestClock } from '../../src/testing/clock.ts';
import {
  answersOf,
  artifactOf,
  expectedAnswers,
  type TestComponent,
  testComponent,
} from '../../tools/cache/components.ts';
import { HmacTrust } from '../../tools/cache/hmac-trust.ts';
import { type TestCache, temporaryFolder, testCache } from './support/cache.ts';
import { entryFiles } from './support/entries.ts';

/** No cache at all: every component is what a build makes of it, and one is invalid. */
const components = [0, 1, 2, 3].map(testComponent);
const INVALID = 3;

interface Real {
  readonly root: string;
  readonly clock: TestClock;
  cache: TestCache;
}
type Model = Record<string, never>;

const builder = {
  build: async (bytes: Uint8Array) => {
    const value = Number(Buffer.from(bytes).toString().split(' ')[1]);
    if (value === INVALID) throw new VivariumError('RUNTIME_INVALID_COMPONENT', `component ${value} is bad`);
    return artifactOf(testComponent(value));
  },
};

function open(root: string, clock: TestClock): TestCache {
  return testCache(root, { clock, builder, config: { memoryBytes: 500 } });
}

async function expectAsWithoutCache(real: Real, component: TestComponent): Promise<void> {
  const { manager } = real.cache;
  const asked = manager.getComponent(await manager.keyOf(component.digest), async () => component.bytes);
  if (component.value === INVALID) {
    await expect(asked).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT', message: 'component 3 is bad' });
    return;
  }
  const compiled = await asked;
  expect(answersOf(compiled)).toEqual(expectedAnswers(component));
  expect(compiled.artifact).toEqual(artifactOf(component));
}

type Step = fc.AsyncCommand<Model, Real>;

function step(name: string, run: (real: Real) => Promise<void>): Step {
  return { check: () => true, run: (_, real) => run(real), toString: () => name };
}

const component = fc.constantFrom(...components);
const steps: fc.Arbitrary<Step>[] = [
  component.map((one) => step(`get ${one.value}`, (real) => expectAsWithoutCache(real, one))),
  fc.array(component, { maxLength: 6 }).map((all) =>
    step(`get ${all.map(({ value }) => value)} at once`, async (real) => {
      await Promise.all(all.map((one) => expectAsWithoutCache(real, one)));
    }),
  ),
  fc.constant(
    step('warm up', async (real) => {
      const items = components.map((one) => ({
        name: `${one.value}`,
        digest: one.digest,
        load: async () => one.bytes,
      }));
      const { failed } = await real.cache.manager.warmup(items);
      expect(failed.map(({ name }) => name)).toEqual([String(INVALID)]);
    }),
  ),
  fc.nat(2_000).map((maxBytes) =>
    step(`prune to ${maxBytes}`, async (real) => {
      const { keptBytes } = await real.cache.manager.pruneDisk({ maxBytes });
      expect(keptBytes).toBeLessThanOrEqual(maxBytes);
    }),
  ),
  fc.boolean().map((fix) =>
    step(`doctor ${fix ? 'mends' : 'looks'}`, async (real) => {
      const { healthy } = await real.cache.manager.doctor({ fix });
      if (fix) expect(healthy).toBe(true);
    }),
  ),
  fc.constant(
    step('restart', async (real) => {
      await real.cache.manager.close();
      real.cache = open(real.root, real.clock);
    }),
  ),
  fc.constant(
    step('crash', async (real) => {
      real.cache = open(real.root, real.clock);
    }),
  ),
  fc.integer({ min: -86_400_000, max: 86_400_000 }).map((ms) =>
    step(`set the clock by ${ms}`, async ({ clock }) => {
      clock.setWall(clock.now() + ms);
    }),
  ),
  fc.nat(20_000).map((ms) => step(`wait ${ms}`, async ({ clock }) => clock.advance(ms))),
  fc.tuple(component, fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true })).map(([one, metadata, part]) =>
    step(`cut ${metadata ? 'the metadata of ' : ''}${one.value} at ${part}`, async ({ root }) => {
      const path = entryFiles(root, one)[metadata ? 'metadata' : 'artifact'];
      if (existsSync(path)) truncateSync(path, Math.floor(readFileSync(path).length * part));
    }),
  ),
  fc.tuple(component, fc.boolean(), fc.nat(), fc.integer({ min: 1, max: 255 })).map(([one, metadata, at, mask]) =>
    step(`change byte ${at} of ${metadata ? 'the metadata of ' : ''}${one.value}`, async ({ root }) => {
      const path = entryFiles(root, one)[metadata ? 'metadata' : 'artifact'];
      if (!existsSync(path)) return;
      const bytes = readFileSync(path);
      const offset = at % Math.max(1, bytes.length);
      if (offset < bytes.length) bytes[offset] = (bytes[offset] as number) ^ mask;
      writeFileSync(path, bytes);
    }),
  ),
  fc.tuple(component, component).map(([from, to]) =>
    step(`put the entry of ${from.value} in the place of that of ${to.value}`, async ({ root }) => {
      const path = entryFiles(root, from).artifact;
      if (!existsSync(path) || !existsSync(entryFiles(root, to).artifact)) return;
      writeFileSync(entryFiles(root, to).artifact, readFileSync(path), { mode: 0o600 });
    }),
  ),
  fc.constantFrom('artifacts', 'locks', 'tmp', 'profile', 'description', 'root').map((what) =>
    step(`delete ${what}`, async ({ root }) => {
      rmSync(what === 'root' ? root : entryFiles(root, components[0] as TestComponent)[what as 'tmp'], {
        recursive: true,
        force: true,
      });
    }),
  ),
];

it('any sequence of gets, warm-ups, prunes, corruptions and restarts gives the same components as no cache', async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 25 }), async (commands) => {
      const root = temporaryFolder();
      const clock = new TestClock();
      // Nobody holds a lock here but this thread, so the clock that stands still keeps nobody waiting.
      await fc.asyncModelRun(() => ({ model: {}, real: { root, clock, cache: open(root, clock) } }), commands);
    }),
    { numRuns: 60 },
  );
});

it('a machine that does not trust the other builds everything itself, in the same folder', async () => {
  const root = temporaryFolder();
  for (const secret of ['one', 'two', 'one']) {
    const cache = testCache(root, { trust: new HmacTrust(secret) });
    for (const one of components.slice(0, 3)) {
      expect(answersOf(await cache.get(one))).toEqual(expectedAnswers(one));
    }
    expect(cache.builds()).toBe(3);
    await cache.manager.close();
  }
});
