import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CompiledArtifact } from '#core/ports/artifact';
import { CALL_PLAN_FORMAT, decodeCallPlan, encodeCallPlan } from '../../../src/runtime/direct/call-plan.ts';
import { type DirectMode, directComponent } from '../../../src/runtime/direct/direct-component.ts';
import { plannedCalls } from '../../../src/runtime/engine/planned-calls.ts';
import { execution, TurnScheduler } from '../../../src/runtime/execution/index.ts';
import { planCalls } from '../../../src/runtime/planning/plan.ts';
import { transpile } from '../../../src/runtime/transpile/transpile.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { echoGuest } from './echo-guest.ts';
import { witSignature } from './wit-types.ts';

type Path = readonly (string | number)[];

/** The path to every value in a JSON value, itself left out. */
function pathsOf(value: unknown): Path[] {
  if (typeof value !== 'object' || value === null) return [];
  const keys = Array.isArray(value) ? value.keys().toArray() : Object.keys(value);
  return keys.flatMap((key) => [
    [key],
    ...pathsOf((value as Record<string | number, unknown>)[key]).map((path) => [key, ...path]),
  ]);
}

function replaced(text: string, path: Path, by: unknown): string {
  const whole: unknown = JSON.parse(text);
  let owner = whole as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) owner = owner[key] as typeof owner;
  owner[path.at(-1) as string | number] = by;
  return JSON.stringify(whole);
}

/** An artifact as the cache gives it. */
async function compiled(component: Uint8Array, callPlan: string | undefined): Promise<CompiledArtifact> {
  const made = await transpile(component);
  const modules = new Map(
    made.coreModules.map(({ name, bytes }) => [name, new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>)]),
  );
  return { artifact: { ...made, meteringMode: 'fuel', callPlan }, modules };
}

describe('the text of a plan of calls', () => {
  it('gives back the plan of any component that goes directly', async () => {
    await fc.assert(
      fc.asyncProperty(witSignature, fc.constantFrom('utf8', 'utf16'), async ({ params, result }, encoding) => {
        const plan = planCalls(await echoGuest(params, result, encoding));
        expect(plan).toHaveProperty('direct');
        expect(decodeCallPlan(encodeCallPlan(plan))).toStrictEqual(plan);
      }),
      { numRuns: 40 },
    );
  });

  it('gives back the plan of an actor, and why a component takes the glue', async () => {
    const plan = planCalls(await actor());
    expect(decodeCallPlan(encodeCallPlan(plan))).toStrictEqual(plan);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (whyGlue) => {
        expect(decodeCallPlan(encodeCallPlan({ whyGlue }))).toStrictEqual({ whyGlue });
      }),
    );
  });

  it('is no plan with any part of it lost or of another type', async () => {
    const text = encodeCallPlan(planCalls(await actor()));
    const paths = pathsOf(JSON.parse(text));
    expect(paths.length).toBeGreaterThan(30);
    for (const path of paths) {
      for (const by of [null, undefined, true, -1, [null]]) {
        expect(decodeCallPlan(replaced(text, path, by)), `${path.join('.')} as ${by}`).toBeUndefined();
      }
    }
  });

  it('is no plan of another format, nor any other text', () => {
    expect(decodeCallPlan(JSON.stringify({ format: CALL_PLAN_FORMAT + 1, whyGlue: 'is new' }))).toBeUndefined();
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(decodeCallPlan(text)).toBeUndefined();
      }),
    );
  });
});

/** No guest is ever suspended. */
const MODE: DirectMode = {
  preemptive: false,
  waits: false,
  storageWaits: false,
  scheduler: new TurnScheduler({
    execution,
    sliceMs: 2,
    maxWaitingTurns: 0,
    maxStacks: 0,
    now: () => 0,
    soon: () => {},
  }),
};

async function codeOf(component: Uint8Array, callPlan: string | undefined): Promise<unknown> {
  const calls = await plannedCalls(async () => component, callPlan);
  return directComponent(await compiled(component, callPlan), calls, MODE);
}

describe('a component', () => {
  it('is called as its artifact says', async () => {
    const component = await actor();
    expect(await codeOf(component, encodeCallPlan({ whyGlue: 'was told so' }))).toBe('was told so');
  });

  it.each([
    ['has none', undefined],
    ['has none that can be read', encodeCallPlan({ whyGlue: 'is old' }).replace(`${CALL_PLAN_FORMAT}`, '0')],
  ])('has its plan made anew where its artifact %s', async (_what, callPlan) => {
    const component = await actor();
    expect(await codeOf(component, callPlan)).toMatchObject({ calls: 'direct' });
  });
});
