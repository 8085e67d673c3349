// Values through components composed of others, of all pairs of encodings and of memories.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../../src/runtime/direct/direct-code.ts';
import { planDirect } from '../../../src/runtime/planning/plan.ts';
import { whyInvalid } from '../../../src/runtime/transpile/validator.ts';
import { BareTurn } from '../../../tools/runtime/bare-turn.ts';
import { forwardingGuests, type Lane, unnamed } from './forwarding-guests.ts';
import { valuesOf, type WitType, witType } from './wit-types.ts';

type Call = (value: unknown) => unknown;

function instance(component: Uint8Array, f: Call): Call {
  const code = new DirectCode(planDirect(component));
  const modules = linkComponent(readComponent(component)).modules.map(
    ({ bytes }) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  );
  const exports = new BareTurn().exports(() =>
    code.instantiate(
      (index) => modules[index] as WebAssembly.Module,
      { f: { default: f } },
      (module, imports) => new WebAssembly.Instance(module, imports).exports,
    ),
  );
  return exports.g as Call;
}

// A result as a function's own would be answered and thrown in parts; within a tuple it is a value.
const forwardable = witType
  .map(unnamed)
  .map((type): WitType => (type.kind === 'result' ? { kind: 'tuple', elements: [type] } : type));

async function passesAll(lanes: fc.Arbitrary<readonly Lane[]>, runs: number): Promise<void> {
  const cases = fc.tuple(forwardable, lanes).chain(([type, each]) =>
    fc.record({
      type: fc.constant(type),
      lanes: fc.constant(each),
      values: fc.array(fc.tuple(valuesOf(type), valuesOf(type)), { minLength: 1, maxLength: 4 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ type, lanes: each, values }) => {
      const component = await forwardingGuests(type, each);
      expect(await whyInvalid(component)).toBeUndefined();
      const seen: unknown[] = [];
      let answer: unknown;
      const call = instance(component, (value) => {
        seen.push(value);
        return answer;
      });
      for (const [given, answered] of values) {
        answer = answered;
        expect(call(given)).toEqual(answered);
      }
      expect(seen).toEqual(values.map(([given]) => given));
    }),
    { numRuns: runs },
  );
}

const ENCODINGS = ['utf8', 'utf16', 'latin1+utf16'] as const;
const PAIRS = ENCODINGS.flatMap((first) => ENCODINGS.map((second) => [first, second] as const));

describe('values of any type', () => {
  it.each(PAIRS)(
    'pass between components with strings in %s and in %s, with memories of 32 and 64 bits',
    async (first, second) => {
      const widths = fc.tuple(fc.boolean(), fc.boolean());
      const lanes = widths.map(([one, other]) => [
        { encoding: first, wide: one },
        { encoding: second, wide: other },
      ]);
      await passesAll(lanes, 12);
    },
  );

  it.each(ENCODINGS)('pass through one component with a 64-bit memory and strings in %s', async (encoding) => {
    await passesAll(fc.constant([{ encoding, wide: true }]), 12);
  });
});
