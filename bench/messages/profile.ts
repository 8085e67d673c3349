// node bench/messages/profile.ts [LIVE]: where the time of a request goes, in per cent of the samples by part of the code.
import { Session } from 'node:inspector/promises';
import { type ComponentHandle, createRuntime } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';

const PARTS: readonly (readonly [part: string, where: RegExp])[] = [
  ['strings, bytes and checks of the canonical ABI', /src\/runtime\/direct\//],
  ["the component's own lowering and lifting code", /^vivarium:direct/],
  ['the guest itself', /^wasm:/],
  ['fuel, deadline and the clock', /src\/metering\//],
  ['store and turn', /src\/runtime\//],
  ['router, mailbox, correlation and timers', /src\/messaging\//],
  ["runtime.request's own", /src\/(system|core)\//],
];

const live = Number(process.argv[2] ?? 1);
const payload = new Uint8Array(16);
const component = await actor();
await using runtime = await createRuntime({ scheduling: 'cooperative', cache: false });
const handles: ComponentHandle[] = [];
for (let index = 0; index < live; index++) handles.push(await runtime.load(component));

async function requests(count: number): Promise<number> {
  const began = performance.now();
  for (let done = 0; done < count; ) {
    const batch: Promise<unknown>[] = [];
    for (let index = 0; index < 100; index++) {
      batch.push(runtime.request(handles[done++ % live] as ComponentHandle, payload));
    }
    await Promise.all(batch);
  }
  return ((performance.now() - began) * 1_000) / count;
}

await requests(300_000);
const session = new Session();
session.connect();
await session.post('Profiler.enable');
await session.post('Profiler.setSamplingInterval', { interval: 200 });
await session.post('Profiler.start');
const each = await requests(1_000_000);
const { profile } = await session.post('Profiler.stop');
session.disconnect();

const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
const shares = new Map<string, number>();
for (const sample of profile.samples ?? []) {
  const { functionName, url } = frames.get(sample) ?? { functionName: '', url: '' };
  const part =
    PARTS.find(([, where]) => where.test(url))?.[0] ??
    (functionName === 'now' || url.includes('perf') || url.includes('validators')
      ? 'fuel, deadline and the clock'
      : functionName.startsWith('js-to-wasm') || functionName.endsWith(' value')
        ? 'going into wasm, and its fuel cell'
        : functionName === '(garbage collector)'
          ? 'garbage collection'
          : 'the rest: promises, the measuring loop, Node');
  shares.set(part, (shares.get(part) ?? 0) + 1);
}
const total = profile.samples?.length ?? 1;
console.log(`${each.toFixed(2)} us for each request, ${live} live`);
for (const [part, samples] of [...shares].sort((a, b) => b[1] - a[1])) {
  console.log(`  ${((samples / total) * 100).toFixed(0).padStart(3)} %  ${part}`);
}
