import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { buildActor, type ComponentHandle, createRuntime, HOST_ID, type Runtime } from 'vivarium';
import { meter } from '#metering';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../src/runtime/direct/direct-code.ts';
import { planDirect } from '../../src/runtime/planning/plan.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { BareTurn } from '../../tools/runtime/bare-turn.ts';
import type { Report } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { type RawLifecycle, rawJco } from '../support/raw-jco.ts';

const payload = new Uint8Array(16);
const message = {
  sender: HOST_ID,
  payload,
  metadata: { messageId: 1n, timestamp: { seconds: 1n, nanoseconds: 0 }, headers: [] },
};

export async function run(report: Report): Promise<void> {
  const component = await actor();
  await roundTrips(component, report);
  await secondInstance(component, report);
  await eventLoop(report);
  await loadAndUnload(component, report);
}

async function roundTrips(component: Uint8Array, report: Report): Promise<void> {
  await using runtime = await createRuntime();
  const make = await rawJco(component);
  for (const live of [1, 1_000]) {
    const handles: ComponentHandle[] = [];
    for (let i = 0; i < live; i++) handles.push(await runtime.load(component));
    const raws = handles.map(() => make());
    const calls = 20_000;
    const { a, b, ratio } = await paired(
      9,
      () => requests(runtime, handles, calls),
      () => rawCalls(raws, calls),
    );
    const figure = `request of 16 bytes, ${live} live`;
    report({ figure, value: ratio, unit: 'times', peer: 'raw jco glue', goal: '<= 1', holds: ratio <= 1 });
    report({ figure: `${figure}: vivarium`, value: a, unit: 'us', goal: 'for the ratio', holds: true });
    report({ figure: `${figure}: raw jco glue`, value: b, unit: 'us', goal: 'for the ratio', holds: true });
    for (const handle of handles) await runtime.unload(handle);
  }
}

/** Microseconds for each request; some are under way at once, as with any server. */
async function requests(runtime: Runtime, handles: readonly ComponentHandle[], calls: number): Promise<number> {
  const started = performance.now();
  for (let done = 0; done < calls; ) {
    const batch: Promise<unknown>[] = [];
    for (let i = 0; i < 100; i++, done++)
      batch.push(runtime.request(handles[done % handles.length] as ComponentHandle, payload));
    await Promise.all(batch);
  }
  return ((performance.now() - started) / calls) * 1_000;
}

function rawCalls(raws: readonly RawLifecycle[], calls: number): number {
  const started = performance.now();
  for (let i = 0; i < calls; i++) (raws[i % raws.length] as RawLifecycle).handleMessage(message);
  return ((performance.now() - started) / calls) * 1_000;
}

/** A store's core instances on a tank of their own, beside what jco makes of the same modules unmetered. */
async function secondInstance(component: Uint8Array, report: Report): Promise<void> {
  const code = new DirectCode(planDirect(component));
  const modules = linkComponent(readComponent(component)).modules.map(
    ({ bytes }) => new WebAssembly.Module(meter.meterModule(bytes, 'fuel').bytes as Uint8Array<ArrayBuffer>),
  );
  const store = (): unknown => {
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 26 });
    tank.begin({ timeMs: 1_000 });
    const exports = new BareTurn().run(() =>
      code.instantiate(
        (index) => modules[index] as WebAssembly.Module,
        {},
        (module, imports) => tank.link(module, imports ?? {}),
      ),
    );
    tank.end();
    return exports;
  };
  const raw = await rawJco(component);
  const each = (make: () => unknown): number => {
    const started = performance.now();
    for (let i = 0; i < 200; i++) make();
    return ((performance.now() - started) / 200) * 1_000;
  };
  const { a, b, ratio } = await paired(
    9,
    () => each(store),
    () => each(raw),
  );
  const figure = 'one more instance, metered and on a tank';
  report({ figure, value: ratio, unit: 'times', peer: 'raw jco instantiate', goal: '<= 1.5', holds: ratio <= 1.5 });
  report({ figure: `${figure}: vivarium`, value: a, unit: 'us', goal: 'for the ratio', holds: true });
  report({ figure: `${figure}: raw jco`, value: b, unit: 'us', goal: 'for the ratio', holds: true });

  await using runtime = await createRuntime();
  for (let i = 0; i < 100; i++) await runtime.load(component);
  const started = performance.now();
  for (let i = 0; i < 500; i++) await runtime.load(component);
  const whole = ((performance.now() - started) / 500) * 1_000;
  report({
    figure: 'load of a loaded component: with mailbox, lifecycle, initialize and metadata',
    value: whole,
    unit: 'us',
    goal: 'shown',
    holds: true,
  });
}

async function eventLoop(report: Report): Promise<void> {
  const source = fileURLToPath(new URL('../../examples/hello/actor.ts', import.meta.url));
  const { file } = await buildActor(source, { output: `/tmp/vivarium-bench-${process.pid}.wasm` });
  await using runtime = await createRuntime();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  delay.enable();
  await runtime.load(file);
  delay.disable();
  const value = delay.max / 1e6;
  report({
    figure: 'longest hold of the event loop while a QuickJS component loads',
    value,
    unit: 'ms',
    goal: '<= 20',
    holds: value <= 20,
  });
}

/** The slope of resident memory over the second half of the cycles, when everything has reached its size. */
async function loadAndUnload(component: Uint8Array, report: Report): Promise<void> {
  await using runtime = await createRuntime();
  const points: [number, number][] = [];
  for (let i = 0; i <= 1_000; i++) {
    await runtime.unload(await runtime.load(component));
    if (i % 50 === 0 && i >= 500) {
      globalThis.gc?.();
      points.push([i, process.memoryUsage().rss]);
    }
  }
  const slope = leastSquares(points);
  report({
    figure: 'resident memory for each load and unload, cycles 500 to 1,000',
    value: slope / 1024,
    unit: 'KiB',
    goal: '<= 4',
    holds: slope <= 4096,
  });
}

function leastSquares(points: readonly [number, number][]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
