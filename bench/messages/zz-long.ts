// node bench/messages/profile.ts [LIVE]: where the time of a request goes, in per cent of the samples by part of the code.
import { Session } from 'node:inspector/promises';
import { type ComponentHandle, createRuntime } from '../../src/index.ts';
import { actor } from '../../test/support/actor-wat.ts';

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
await using runtime = await createRuntime({ cache: false });
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



const each = await requests(6_000_000);
