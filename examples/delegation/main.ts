// A call that nobody can answer yet goes to a model, which writes a component; it is built, checked, signed and
// published. The next call of the same interface and meaning is answered by that component, with the model gone.
// `--json` prints one object a line.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildActor,
  createRuntime,
  type FetchedModule,
  interfaceOf,
  type ModelProvider,
  openEmbedder,
  openKeyring,
  openRegistry,
} from 'vivarium';
import {
  type CallContext,
  type DelegatedCall,
  Executor,
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
  const publisher = await registry.publisher({ embedder });
  const clock = { now: Date.now, monotonic: () => performance.now(), after: () => () => undefined };

  const wit = join(home, 'text.wit');
  await writeFile(wit, WIT);
  const { interfaceHash } = await interfaceOf(wit);

  /** Runs a published component; the bytes were checked against its signatures just before. */
  const runModule = async ({ bytes }: Pick<FetchedModule, 'bytes'>, call: DelegatedCall): Promise<unknown> => {
    const handle = await runtime.load(bytes, { store: 'per-call' });
    try {
      return await runtime.call(handle, call.context.fnSymbol, ...call.args);
    } finally {
      await runtime.unload(handle);
    }
  };

  /** Has the model write the component that answers this call and all later ones. */
  const askModel = async (provider: ModelProvider, model: string, call: DelegatedCall): Promise<unknown> => {
    const task = call.context.metadata?.task ?? '';
    const content = `Write an ES module for this WIT world:\n${WIT}\nWhat it does: ${task}`;
    const { text: source } = await provider.complete({ model, messages: [{ role: 'user', content }] });
    const project = join(home, 'generated');
    await mkdir(join(project, 'wit'), { recursive: true });
    await writeFile(join(project, 'wit', 'text.wit'), WIT);
    await writeFile(join(project, 'actor.js'), source);
    const { file } = await buildActor(project);
    const record = await publisher.publishModule(
      await readFile(file),
      { name: 'slug', version: '1.0.0', description: task },
      {
        check: async (module) => {
          const slug = await module.call('slug', ['A  small Test']);
          if (slug !== 'a-small-test') throw new Error(`slug('A  small Test') is ${JSON.stringify(slug)}`);
        },
      },
    );
    say('published', { id: record.id, status: record.status, bytes: record.size });
    return runModule(await registry.client.fetch(record.id), call);
  };

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
    askModel,
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
