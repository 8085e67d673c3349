// What a call costs on the direct path, beside raw jco's glue and beside code written by hand for this one message.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ATTACHED } from '#core/ports/meter';
import { meter } from '#metering';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../src/runtime/direct/direct-code.ts';
import { theExchange } from '../../src/runtime/exchange/exchange.ts';
import { planBuild } from '../../src/runtime/planning/plan.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { BareTurn } from '../../tools/runtime/bare-turn.ts';
import type { RunGroup } from '../figure.ts';
import { median, paired } from '../support/measure.ts';
import { type RawLifecycle, rawJco } from '../support/raw-jco.ts';
import { endlessFuel } from './floor.ts';
import { HandWritten } from './hand-written.ts';
import { message } from './message.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const LIFECYCLE = 'vivarium:actor/lifecycle@0.1.0';
const ROUNDS = 7;

function microsecondsPerCall(
  instances: readonly Pick<RawLifecycle, 'handleMessage'>[],
  bytes: number,
  calls: number,
): number {
  const sent = message(new Uint8Array(bytes));
  const began = performance.now();
  for (let index = 0; index < calls; index++) {
    (instances[index % instances.length] as RawLifecycle).handleMessage(sent);
  }
  return ((performance.now() - began) * 1_000) / calls;
}

function microsecondsPerInstance(make: () => unknown): number {
  const began = performance.now();
  const kept = Array.from({ length: 200 }, make);
  return ((performance.now() - began) * 1_000) / kept.length;
}

export const calls: RunGroup = async (report) => {
  const component = await actor();
  const { calls: planned, attached } = planBuild(component);
  if (!('direct' in planned)) throw new Error('the actor does not go directly');
  const code = new DirectCode(planned.direct);
  // Metered as in a store, but with fuel that does not end: what a budget costs is in the rows of requests.
  const modules = linkComponent(readComponent(component)).modules.map(({ bytes }, index) => {
    const metered = meter.meterModule(bytes, 'fuel', { attached: attached.get(index) });
    return new WebAssembly.Module(metered.bytes as Uint8Array<ArrayBuffer>);
  });
  const given = { ...endlessFuel(), [ATTACHED]: theExchange().imports };
  const bare = (): WebAssembly.Exports => new WebAssembly.Instance(modules[0] as WebAssembly.Module, given).exports;
  const direct = (): RawLifecycle =>
    new BareTurn().run(() =>
      code.instantiate(
        (index) => modules[index] as WebAssembly.Module,
        {},
        (module, imports) => new WebAssembly.Instance(module, { ...imports, ...given }).exports,
      ),
    )[LIFECYCLE] as RawLifecycle;
  const glue = await rawJco(component);

  for (const live of [1, 1_000]) {
    const many = <T>(make: () => T): T[] => Array.from({ length: live }, make);
    const [ours, floor, raw] = [many(direct), many(() => new HandWritten(bare())), many(glue)];
    for (const bytes of [16, 4_096]) {
      const run = (instances: readonly Pick<RawLifecycle, 'handleMessage'>[], times: number): number =>
        microsecondsPerCall(instances, bytes, times);
      // Until the optimiser has taken them; the glue is slow enough to be hot sooner.
      for (const instances of [ours, floor]) run(instances, 150_000);
      run(raw, 20_000);
      const beside = await paired(
        ROUNDS,
        () => run(ours, 20_000),
        () => run(floor, 20_000),
      );
      const glued = await median(3, () => run(raw, 5_000));
      const what = `handle-message, ${bytes} bytes, ${live} live`;
      report({ figure: `direct ${what}`, value: beside.a, unit: 'us', goal: 'shown', holds: true });
      report({
        figure: `direct ${what}, ratio`,
        value: beside.ratio,
        unit: 'x',
        peer: 'hand-written code for this one message',
        goal: '<= 2',
        holds: beside.ratio <= 2,
      });
      report({
        figure: `direct ${what}, ratio`,
        value: beside.a / glued,
        unit: 'x',
        peer: 'raw jco glue',
        goal: '<= 0.5',
        holds: beside.a / glued <= 0.5,
      });
    }
  }
  const made = await paired(
    ROUNDS,
    () => microsecondsPerInstance(direct),
    () => microsecondsPerInstance(bare),
  );
  report({
    figure: 'one more instance of a small component, ratio',
    value: made.ratio,
    unit: 'x',
    peer: 'bare WebAssembly.Instance of the same module',
    goal: '<= 1.3',
    holds: made.ratio <= 1.3,
  });
  const [own, glued] = [await heapOfEach(direct), await heapOfEach(glue)];
  report({
    figure: "heap of one more instance, beside its linear memory's own",
    value: own,
    unit: 'KB',
    goal: '<= 20',
    holds: own <= 20,
  });
  report({
    figure: 'heap of one more instance, ratio',
    value: own / glued,
    unit: 'x',
    peer: `raw jco glue (${glued.toFixed(1)} KB)`,
    goal: '<= 0.5',
    holds: own / glued <= 0.5,
  });
};

/** Kilobytes of V8's heap and of what hangs on it, for each of a thousand; linear memories are mapped and not in it. */
async function heapOfEach(make: () => unknown): Promise<number> {
  const live = 1_000;
  const used = async (): Promise<number> => {
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return heapUsed + external - arrayBuffers;
  };
  for (let index = 0; index < 100; index++) make();
  const before = await used();
  const kept = Array.from({ length: live }, make);
  const bytes = (await used()) - before;
  return bytes / kept.length / 1_000;
}
