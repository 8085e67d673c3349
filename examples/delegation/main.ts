// A call that nobody can answer yet goes to a model, which writes a component; it is built, checked, signed and
// published. The next call of the same interface and meaning is answered by that component, with the model gone.
// `--json` prints one object a line.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSource, createRuntime, interfaceOf, openEmbedder, openKeyring, openRegistry } from 'vivarium';
import {
  type CallContext,
  Executor,
  executorFor,
  GenerationPipeline,
  HttpModelProvider,
  RegistryAwareDelegationEngine,
  StaticDelegationEngine,
} from 'vivarium/delegation';
import { startStandInModel } from './stand-in-model.ts';

const WIT = 'package example:text; world guest { export slug: func(text: string) -> string; }';
const TASK = 'Turn a title into a slug for a URL: lower case, words joined by hyphens.';

const home = await mkdtemp(join(tmpdir(), 'vivarium-delegation-'));
try {
  await openKeyring(home).create('example');
  await example();
} finally {
  await rm(home, { recursive: true });
}

async function example(): Promise<void> {
  const server = await startStandInModel();
  await using runtime = await createRuntime({ limits: { maxFuel: 500_000_000n } });
  await using registry = await openRegistry({ home, registry: join(home, 'registry') });
  const embedder = await openEmbedder('local');
  const clock = { now: Date.now, monotonic: () => performance.now(), after: () => () => undefined };

  const wit = join(home, 'text.wit');
  await writeFile(wit, WIT);
  const { interfaceHash } = await interfaceOf(wit);

  const runModule = executorFor(runtime);
  const pipeline = new GenerationPipeline({
    prompt: ({ metadata }) => [
      { role: 'user', content: `Write an ES module for this WIT world:\n${WIT}\nWhat it does: ${metadata?.task}` },
    ],
    build: (source, _, signal) => buildSource(source, WIT, { signal }),
    describe: ({ metadata }) => ({ name: 'slug', version: '1.0.0', description: metadata?.task ?? '' }),
    check: async (module) => {
      const slug = await module.call('slug', ['A  small Test']);
      if (slug !== 'a-small-test') throw new Error(`slug('A  small Test') is ${JSON.stringify(slug)}`);
    },
    publisher: await registry.publisher({ embedder }),
    registry: registry.client,
    runModule,
  });
  const otherwise = new StaticDelegationEngine({
    targets: {},
    otherwise: { kind: 'RemoteModel', id: 'stand-in' },
    clock,
  });
  const executor = new Executor({
    engine: new RegistryAwareDelegationEngine(registry.client, otherwise, { embedderId: embedder.id }),
    clock,
    registry: registry.client,
    models: { 'stand-in': new HttpModelProvider({ url: server.url }) },
    askModel: pipeline.askModel,
    runModule,
  });

  const context: CallContext = {
    fnSymbol: 'slug',
    argTypeFingerprint: 'string',
    interfaceHash,
    runtimeContextHash: '',
    semanticHash: await embedder.embed(TASK),
    metadata: { task: TASK },
  };
  for (const title of ['Hello, wide World', 'The second Time is cheaper']) {
    const { value, target, elapsedMs } = await executor.execute({ context, args: [title] });
    say('answered', { title, value, by: target.kind, ms: Math.round(elapsedMs), modelCalls: server.calls() });
    // From here on nobody could ask the model.
    await server.close();
  }
  for (const { id, status, size } of await registry.client.list()) say('published', { id, status, bytes: size });
  const { outcomes, hitRate, savedMs } = await registry.client.statistics();
  say('statistics', { hits: outcomes.hit, misses: outcomes.miss, hitRate, savedMs: Math.round(savedMs) });
}

function say(step: string, facts: Record<string, unknown>): void {
  if (process.argv.includes('--json')) console.log(JSON.stringify({ step, ...facts }));
  else
    console.log(
      `${step.padEnd(11)} ${Object.entries(facts)
        .map(([name, value]) => `${name} ${value}`)
        .join(', ')}`,
    );
}
