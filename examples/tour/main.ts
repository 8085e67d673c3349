// The main job: builds the example guests, runs the good ones, and shows that each hostile one is stopped while the
// good ones go on answering. `--json` prints one object a line.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { buildActor, type ComponentHandle, createRuntime, isVivariumError, type Runtime } from 'vivarium';

const json = process.argv.includes('--json');
const guests = ['hello/actor.ts', 'counter/actor.ts', 'hostile/endless.ts', 'hostile/greedy.ts', 'hostile/trapping.ts'];

/** What a guest is not granted here it cannot do. */
const GRANTS: Readonly<Record<string, readonly string[]>> = { counter: ['storage:*:total'] };

/** The other guests keep the limits of the runtime. */
const LIMITS: Readonly<Record<string, { readonly maxExecutionTimeMs: number }>> = {
  endless: { maxExecutionTimeMs: 200 },
};

const folder = await mkdtemp(join(tmpdir(), 'vivarium-tour-'));
try {
  await tour(await build());
} finally {
  await rm(folder, { recursive: true });
}

/** Each guest is one TypeScript file and becomes one component. */
async function build(): Promise<Map<string, string>> {
  const built = new Map<string, string>();
  for (const guest of guests) {
    const name = guest.startsWith('hostile') ? (guest.slice(8, -3) as string) : (guest.split('/', 1)[0] as string);
    const source = fileURLToPath(new URL(`../${guest}`, import.meta.url));
    const { file, bytes } = await buildActor(source, { output: join(folder, `${name}.wasm`) });
    built.set(name, file);
    say(`built ${name.padEnd(9)} ${(bytes / 2 ** 20).toFixed(2)} MiB`);
  }
  return built;
}

async function tour(files: Map<string, string>): Promise<void> {
  await using runtime = await createRuntime({ limits: { maxExecutionTimeMs: 10_000, maxMemoryBytes: 16 * 2 ** 20 } });
  const load = (name: string): Promise<ComponentHandle> =>
    runtime.load(files.get(name) as string, {
      id: `tour/${name}/1`,
      grants: GRANTS[name] ?? [],
      limits: LIMITS[name] ?? {},
    });

  const [hello, counter] = [await load('hello'), await load('counter')];
  await send(runtime, 'greet', hello, 'Ada');
  await send(runtime, 'count', counter, '{"add":3}');
  await send(runtime, 'count', counter, '{"add":4}');
  for (const name of ['endless', 'greedy', 'trapping']) {
    await send(runtime, `provoke ${name}`, await load(name), 'go');
    await send(runtime, 'neighbour answers', hello, name);
  }
  await send(runtime, 'count', counter, '{"total":null}');
}

/** Sends one message and prints what became of it. */
async function send(runtime: Runtime, step: string, handle: ComponentHandle, text: string): Promise<void> {
  const component = `${handle.id.namespace}/${handle.id.name}/${handle.id.instance}`;
  let outcome: 'reply' | 'stopped' = 'reply';
  let detail: string;
  let code: string | undefined;
  try {
    detail = Buffer.from((await runtime.request(handle, Buffer.from(text))) ?? []).toString();
  } catch (error) {
    if (!isVivariumError(error)) throw error;
    outcome = 'stopped';
    code = error.code;
    detail = `${error.code}: ${error.message}`;
  }
  const { last, memoryBytes } = runtime.usage(handle);
  const executionTimeMs = Math.round(last.executionTimeMs * 100) / 100;
  if (json) {
    const fuelConsumed = last.fuelConsumed.toString();
    console.log(JSON.stringify({ step, component, outcome, code, fuelConsumed, memoryBytes, executionTimeMs }));
    return;
  }
  const mark = outcome === 'reply' ? styleText('green', 'reply  ') : styleText('red', 'stopped');
  console.log(`${mark}  ${step.padEnd(18)} ${component.padEnd(16)} ${detail}`);
  const memory = `${(memoryBytes / 2 ** 20).toFixed(1)} MiB`;
  console.log(
    styleText(
      'dim',
      `         fuel ${last.fuelConsumed.toLocaleString('en')} · memory ${memory} · ${executionTimeMs} ms`,
    ),
  );
}

function say(text: string): void {
  if (!json) console.log(styleText('dim', text));
}
