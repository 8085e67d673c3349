import { assert, constantFrom, pre, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tank } from '#core/ports/meter';
import {
  allFeatures,
  compileModule,
  type GeneratedModule,
  modulePlan,
} from '../../../tools/metering/generator/index.ts';
import { Host } from '../../../tools/metering/harness/host.ts';
import { MeteredDriver, meter, ROOMY } from '../../../tools/metering/harness/metered.ts';
import { endsRun, outcomeOf, stateOf } from '../../../tools/metering/harness/observe.ts';
import { runs } from '../../support/runs.ts';

const MOST_OF_IMAGE = 2 ** 24;

type ModulePlan = Parameters<typeof compileModule>[0];
type Plan = ModulePlan['functions'][number]['body'][number];

const FEATURES = constantFrom(
  { ...allFeatures('standard'), gc: false },
  { ...allFeatures('none'), simd: false, multiMemory: false, gc: false },
);

/** Short programs that own what they work on: longer ones nearly always change a table, so that they are never renewed. */
function short(plan: ModulePlan): ModulePlan {
  const own = <T>(each: T): T => ({ ...each, imported: false });
  return {
    ...plan,
    memories: plan.memories.map(own),
    tables: plan.tables.map(own),
    functions: plan.functions.slice(0, 4).map((each) => ({ ...each, body: each.body.slice(0, 2).map(shallow(3)) })),
  };
}

function shallow(depth: number): (plan: Plan) => Plan {
  return (plan) => ({ ...plan, parts: depth === 0 ? [] : plan.parts.slice(0, 3).map(shallow(depth - 1)) });
}

/** Makes the module's calls in the store of a tank, and says what is seen of them. */
function run(generated: GeneratedModule, host: Host, tank: Tank, exports: WebAssembly.Exports) {
  for (const each of host.shared) if (each instanceof WebAssembly.Global) each.value = 0n;
  const driver = new MeteredDriver(undefined, tank);
  const before = host.log.length;
  const outcomes: string[] = [];
  for (const { name, args } of generated.calls) {
    const entry = exports[name] as (...args: unknown[]) => unknown;
    outcomes.push(outcomeOf(() => driver.call(() => entry(...args))));
    if (endsRun(outcomes.at(-1) ?? '')) break;
  }
  const state = Object.entries({ ...exports, ...host.shared }).map(([name, value]) => [name, stateOf(value)]);
  return { outcomes, costs: driver.costs, host: host.log.slice(before), state };
}

describe('a program in renewed instances', () => {
  it('does again what it did, and costs it again, whatever it did before', () => {
    let renewed = 0;
    assert(
      property(modulePlan(FEATURES).map(short), (plan) => {
        const generated = compileModule(plan);
        const host = new Host(generated);
        const { bytes } = meter.meterModule(generated.bytes, 'fuel', { renewable: true });
        const first = meter.createTank(ROOMY);
        let exports: WebAssembly.Exports = {};
        const started = outcomeOf(() => {
          exports = new MeteredDriver(undefined, first).instantiate(
            new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
            host.imports,
          );
        });
        pre(started.startsWith('returned'));
        // A start function that calls the host is another program each time.
        const image = host.log.length > 0 ? undefined : first.image(MOST_OF_IMAGE);
        pre(image !== undefined);
        host.attach(exports);
        if (image !== undefined) first.keep(image);
        const seen = run(generated, host, first, exports);
        const instances = first.renew();
        if (instances === undefined) return;
        renewed++;
        const second = meter.createTank({ ...ROOMY, instances });
        const again = new MeteredDriver(undefined, second).call(() => second.relink()) as WebAssembly.Exports[];
        expect(again).toEqual([exports]);
        expect(run(generated, host, second, exports)).toEqual(seen);
      }),
      runs(600),
    );
    expect(renewed).toBeGreaterThan(0);
  });
});
