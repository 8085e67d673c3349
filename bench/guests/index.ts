// npm run bench -- guests: what each global of a TypeScript guest adds to its component, what they cost a start and a message, and how
// soon components of other toolchains give their first output, beside other runtimes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRuntime } from '#system';
import { buildActor } from '#system/operations';
import type { RunGroup } from '../figure.ts';
import { firstOutput } from './first-output.ts';

const PLAIN = '1';
/** A use of each module of globals, and the most that it may add to a component, in KiB. */
const USES: Readonly<Record<string, readonly [use: string, most: number]>> = {
  console: ['console.log(1)', 170],
  'Promise and asynchronous functions': ['Promise', 190],
  timers: ['setTimeout', 200],
  'TextEncoder and TextDecoder': ['new TextDecoder()', 80],
  structuredClone: ['structuredClone(1)', 80],
  crypto: ['crypto.randomUUID()', 80],
  AbortController: ['new AbortController()', 260],
  URL: ["new URL('a:b')", 560],
  'Request and Response': ['new Response()', 760],
  ReadableStream: ['new ReadableStream()', 300],
  'Response with its body as a stream': ['new Response().body', 900],
  fetch: ['fetch', 960],
};
const ROUNDS = 40;
const MESSAGES = 1_500;

export const run: RunGroup = async (print) => {
  const folder = mkdtempSync(join(tmpdir(), 'vivarium-bench-guests-'));
  const build = async (name: string, use: string): Promise<{ file: string; bytes: number }> => {
    const source = join(folder, `${name}.ts`);
    writeFileSync(
      source,
      `import { defineActor } from 'vivarium/guest';
       export const lifecycle = defineActor({ name: 'n', version: '1.0.0', onMessage: () => String(${use} === undefined) });`,
    );
    return buildActor(source, { output: join(folder, `${name}.wasm`) });
  };
  try {
    const plain = await build('plain', PLAIN);
    for (const [name, [use, most]] of Object.entries(USES)) {
      const { bytes } = await build('used', use);
      const value = (bytes - plain.bytes) / 1_024;
      print({ figure: `added by ${name}`, value, unit: 'KiB', goal: `at most ${most}`, holds: value <= most });
    }
    const all = await build('all', `[${['console', 'setTimeout', 'URL', 'fetch', 'structuredClone'].join(', ')}]`);
    await using runtime = await createRuntime();
    const files = [plain.file, all.file];
    for (const file of files) await runtime.unload(await runtime.load(file));
    const starts: [number[], number[]] = [[], []];
    const fuel = [0, 0];
    const messages: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [index, file] of files.entries()) {
        const began = performance.now();
        const handle = await runtime.load(file);
        starts[index]?.push(performance.now() - began);
        await runtime.request(handle, Buffer.from('x'));
        await runtime.request(handle, Buffer.from('x'));
        fuel[index] = (fuel[index] ?? 0) + Number(runtime.usage(handle).last.fuelConsumed);
        await runtime.unload(handle);
      }
    }
    // Both take turns, and the medians are compared: other work of the machine makes single messages and starts slow, not half of them.
    const loaded = [await runtime.load(plain.file), await runtime.load(all.file)];
    for (let message = 0; message < MESSAGES; message++) {
      for (const [index, handle] of loaded.entries()) {
        const began = performance.now();
        await runtime.request(handle, Buffer.from('x'));
        messages[index]?.push(performance.now() - began);
      }
    }
    const ratio = ([without = 0, having = 0]: readonly number[]): number => having / without;
    const peer = 'the same actor without them';
    for (const [figure, value] of [
      ['warm start with the globals', ratio(starts.map(median))],
      ['time of a message with the globals', ratio(messages.map(median))],
      ['fuel of a message with the globals', ratio(fuel)],
    ] as const) {
      print({ figure, value, unit: 'times', peer, goal: 'at most 1.05', holds: value <= 1.05 });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  await firstOutput(print);
};

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}
