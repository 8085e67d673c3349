import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { VivariumError } from '#core/errors';
import type { ModelMessage, ModelProvider } from '#core/ports/registry';
import {
  type CallContext,
  Executor,
  executorFor,
  GenerationPipeline,
  RegistryAwareDelegationEngine,
  StaticDelegationEngine,
} from '#delegation';
import { createRuntime, type Runtime } from '#system';
import { buildSource, interfaceOf, openKeyring, openRegistry } from '#system/operations';
import { TestClock } from '../../src/testing/clock.ts';
import { scratchFolder } from '../security/scratch.ts';

type Parts = ConstructorParameters<typeof GenerationPipeline>[0];

const WIT = 'package example:text; world guest { export slug: func(text: string) -> string; }';
const GOOD = "export const slug = (text) => text.toLowerCase().split(/[^a-z0-9]+/).filter(Boolean).join('-');";
const WRONG = 'export const slug = (text) => text;';
const clock = new TestClock();
const metadata = { name: 'slug', version: '1.0.0', description: 'makes slugs' };
const meaning = Float32Array.of(1, 0, 0);

/** A model that answers what the test gives it, one text after another. */
function modelOf(...answers: string[]): ModelProvider & { readonly asked: (readonly ModelMessage[])[] } {
  const asked: (readonly ModelMessage[])[] = [];
  return {
    asked,
    complete: async ({ messages }) => {
      asked.push(messages);
      return { text: answers[Math.min(asked.length, answers.length) - 1] ?? '' };
    },
  };
}

/** A real registry, a real runtime and real builds; the model alone is the test's. */
async function createWorld(model: ModelProvider, changes: (parts: Parts) => Partial<Parts> = () => ({})) {
  const home = scratchFolder();
  await openKeyring(home).create('example');
  const registry = await openRegistry({ home, registry: join(home, 'registry') });
  onTestFinished(() => registry.close());
  const parts: Parts = {
    prompt: (context) => [{ role: 'user', content: `${WIT}\n${context.metadata?.task}` }],
    build: (source) => built(source),
    describe: () => ({ ...metadata, embedding: meaning, embedderId: 'test' }),
    check: async (module) => {
      const slug = await module.call('slug', ['A  small Test']);
      if (slug !== 'a-small-test') throw new Error(`slug('A  small Test') is ${JSON.stringify(slug)}`);
    },
    publisher: await registry.publisher(),
    registry: registry.client,
    runModule: executorFor(runtime),
  };
  const pipeline = new GenerationPipeline({ ...parts, ...changes(parts) });
  const otherwise = new StaticDelegationEngine({ targets: {}, otherwise: { kind: 'RemoteModel', id: 'm' }, clock });
  const executor = new Executor({
    engine: new RegistryAwareDelegationEngine(registry.client, otherwise, { embedderId: 'test' }),
    clock,
    registry: registry.client,
    models: { m: model },
    askModel: pipeline.askModel,
    runModule: parts.runModule,
  });
  return { registry, executor, pipeline };
}

const builds = new Map<string, Promise<Uint8Array>>();

/** Builds a source for real, each text once: a build takes seconds, and equal sources make equal components. */
function built(source: string): Promise<Uint8Array> {
  const found = builds.get(source) ?? buildSource(source, WIT);
  builds.set(source, found);
  return found;
}

let runtime: Runtime;
let context: CallContext;

beforeAll(async () => {
  runtime = await createRuntime({ limits: { maxFuel: 500_000_000n } });
  const folder = await mkdtemp(join(tmpdir(), 'vivarium-generation-'));
  await writeFile(join(folder, 'text.wit'), WIT);
  const { interfaceHash } = await interfaceOf(join(folder, 'text.wit'));
  await rm(folder, { recursive: true });
  context = {
    fnSymbol: 'slug',
    argTypeFingerprint: 'string',
    interfaceHash,
    runtimeContextHash: '',
    semanticHash: meaning,
    metadata: { task: 'make a slug' },
  };
  return () => runtime.close();
});

describe('generation', () => {
  it('has a miss generated, built, checked, published and run, and answers the next call by the module', async () => {
    const model = modelOf(`Here you are:\n\`\`\`js\n${GOOD}\n\`\`\`\nIt is short.`);
    const { executor, registry } = await createWorld(model);
    expect(await executor.execute({ context, args: ['Hello, World'] })).toMatchObject({
      value: 'hello-world',
      target: { kind: 'RemoteModel' },
    });
    expect(await executor.execute({ context, args: ['And again'] })).toMatchObject({
      value: 'and-again',
      target: { kind: 'L4CacheHit' },
    });
    expect(model.asked).toHaveLength(1);
    expect(await registry.client.list()).toMatchObject([{ ...metadata, status: 'verified' }]);
  });

  it('asks the model once for equal misses at the same time, and runs each with its own arguments', async () => {
    const model = modelOf(GOOD);
    const { executor, registry } = await createWorld(model);
    const words = ['One', 'Two', 'Three', 'Three'];
    const done = await Promise.all(words.map((word) => executor.execute({ context, args: [`${word} x`] })));
    expect(done.map(({ value }) => value)).toEqual(['one-x', 'two-x', 'three-x', 'three-x']);
    expect(model.asked).toHaveLength(1);
    expect(await registry.client.list()).toHaveLength(1);
  });

  it.each([
    ['no source', '```\n```', /no source/],
    ['source that does not parse', 'export const slug = (', /cannot be made a component/],
    ['source of another world', 'export const slag = () => "";', /RUNTIME|slug|component/],
    ['source that answers wrongly', WRONG, /is "A {2}small Test"/],
  ])('tells the model what is wrong with %s, and takes its second answer', async (_, broken, why) => {
    const model = modelOf(broken, GOOD);
    const { executor } = await createWorld(model);
    expect((await executor.execute({ context, args: ['Hello, World'] })).value).toBe('hello-world');
    expect(model.asked).toHaveLength(2);
    expect(model.asked[1]?.at(-2)).toEqual({ role: 'assistant', content: broken });
    expect(model.asked[1]?.at(-1)).toMatchObject({ role: 'user', content: expect.stringMatching(why) });
  });

  it.each([
    ['generate', ''],
    ['build', 'export const slug = ('],
    ['check', WRONG],
  ])('fails at stage %s when every answer is broken, and publishes nothing that runs', async (stage, answer) => {
    const model = modelOf(answer);
    const { executor, registry } = await createWorld(model, () => ({ attempts: 3 }));
    await expect(executor.execute({ context, args: ['x'] })).rejects.toMatchObject({
      code: 'DELEGATION_GENERATION_FAILED',
      details: { stage },
    });
    expect(model.asked).toHaveLength(3);
    expect(await registry.client.list({ status: 'verified' })).toEqual([]);
    const { outcomes } = await registry.client.statistics();
    expect(outcomes).toMatchObject({ failed: 1, hit: 0 });
  });

  it('runs nothing while the publisher is gone, and does not ask the model again once it is back', async () => {
    const model = modelOf(GOOD);
    let isGone = true;
    const { executor } = await createWorld(model, ({ publisher }) => ({
      publisher: {
        publishModule: (...given) =>
          isGone
            ? Promise.reject(new VivariumError('REGISTRY_UNAVAILABLE', 'of the test'))
            : publisher.publishModule(...given),
      },
    }));
    for (let i = 0; i < 2; i += 1) {
      await expect(executor.execute({ context, args: ['x'] })).rejects.toMatchObject({
        code: 'DELEGATION_GENERATION_FAILED',
        details: { stage: 'publish' },
        cause: { code: 'REGISTRY_UNAVAILABLE' },
      });
    }
    isGone = false;
    expect((await executor.execute({ context, args: ['Hello, World'] })).value).toBe('hello-world');
    expect(model.asked).toHaveLength(1);
  });

  it('gives on what the model throws, and asks again at the next call', async () => {
    const gone = new VivariumError('DELEGATION_MODEL_UNAVAILABLE', 'of the test');
    const model = modelOf(GOOD);
    let failures = 1;
    const { executor } = await createWorld({
      complete: (...given) => (failures-- > 0 ? Promise.reject(gone) : model.complete(...given)),
    });
    await expect(executor.execute({ context, args: ['x'] })).rejects.toBe(gone);
    expect((await executor.execute({ context, args: ['X y'] })).value).toBe('x-y');
  });

  it('refuses a module of another interface than was asked for', async () => {
    const { pipeline } = await createWorld(modelOf(GOOD));
    const other = { ...context, interfaceHash: 'sha256:'.padEnd(71, 'e') };
    await expect(pipeline.generate(modelOf(GOOD), 'm', other)).rejects.toMatchObject({
      code: 'DELEGATION_GENERATION_FAILED',
      details: { stage: 'publish' },
    });
  });

  it('ends the wait of one caller alone, and the work when nobody waits', async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    const answer = Promise.withResolvers<{ text: string }>();
    const { executor } = await createWorld({
      complete: (_, signal) => {
        asked.resolve(signal as AbortSignal);
        return answer.promise;
      },
    });
    const [one, two] = [new AbortController(), new AbortController()];
    const calls = [one, two].map(({ signal }) => executor.execute({ context, args: ['A b'], signal }));
    const first = expect(calls[0]).rejects.toThrow('one');
    const signal = await asked.promise;
    one.abort(new Error('one'));
    await first;
    expect(signal.aborted).toBe(false);
    answer.resolve({ text: GOOD });
    expect(await calls[1]).toMatchObject({ value: 'a-b' });
  });
});
