import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runCount } from '../../support/runs.ts';
import { bothPaths, outcome } from './both-paths.ts';
import { answeringGuest, type Encoding, echoGuest } from './echo-guest.ts';
import { valuesOf, type WitType, witSignature, witType } from './wit-types.ts';

type Echo = (...args: readonly unknown[]) => unknown;

/** What the host answers, and what it was given. */
function recordingHost(answer: (args: readonly unknown[]) => unknown): { imports: object; seen: unknown[][] } {
  const seen: unknown[][] = [];
  const echo = (...args: unknown[]): unknown => {
    seen.push(args);
    return answer(args);
  };
  return { imports: { 't:t/host': { echo } }, seen };
}

const echoOf = (exports: Readonly<Record<string, unknown>>): Echo => {
  const api = exports['t:t/api'] as { echo: Echo };
  return (...args) => api.echo(...args);
};

const encodings = fc.constantFrom<Encoding>('utf8', 'utf16');

async function sameOnBothPaths(
  params: readonly WitType[],
  result: WitType,
  encoding: Encoding,
  calls: readonly { args: readonly unknown[]; answer: unknown }[],
): Promise<void> {
  const paths = await bothPaths(await echoGuest(params, result, encoding));
  let answer: unknown;
  const answering = (): unknown => {
    const top = answer as { tag?: unknown; val?: unknown };
    if (result.kind !== 'result') return answer;
    if (top.tag === 'err') throw top.val;
    return top.val;
  };
  const [viaGlue, viaDirect] = [recordingHost(answering), recordingHost(answering)];
  const glue = echoOf(paths.glue(viaGlue.imports as Readonly<Record<string, unknown>>));
  const direct = echoOf(paths.direct(viaDirect.imports as Readonly<Record<string, unknown>>));
  for (const call of calls) {
    answer = call.answer;
    expect(outcome(() => direct(...call.args))).toEqual(outcome(() => glue(...call.args)));
  }
  expect(viaDirect.seen).toEqual(viaGlue.seen);
  expect(viaDirect.seen).toHaveLength(calls.length);
}

describe('the direct path and the glue', () => {
  it('give the same values for any type, both ways', async () => {
    const cases = fc.tuple(witSignature, encodings).chain(([{ params, result }, encoding]) =>
      fc.record({
        params: fc.constant(params),
        result: fc.constant(result),
        encoding: fc.constant(encoding),
        calls: fc.array(fc.record({ args: fc.tuple(...params.map(valuesOf)), answer: valuesOf(result) }), {
          minLength: 1,
          maxLength: 5,
        }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, ({ params, result, encoding, calls }) =>
        sameOnBothPaths(params, result, encoding, calls),
      ),
      { numRuns: runCount(40, 15) },
    );
  });

  it('read the same out of any bytes, but that the direct path keeps to the specification where the glue does not', async () => {
    const byte = fc.oneof({ weight: 6, arbitrary: fc.nat(3) }, { weight: 1, arbitrary: fc.nat(255) });
    // Little-endian words, so that many are small pointers and lengths.
    const bytes = fc
      .array(fc.tuple(byte, fc.constantFrom(0, 0, 0, 1, 4)), { minLength: 40, maxLength: 120 })
      .map((words) => Uint8Array.from(words.flatMap(([low, high]) => [low, high, 0, 0])));
    await fc.assert(
      fc.asyncProperty(witType, encodings, bytes, async (result, encoding, memory) => {
        const paths = await bothPaths(await answeringGuest(result, encoding, memory));
        const run = (exports: Readonly<Record<string, unknown>>): unknown =>
          outcome(() => (exports['t:t/api'] as { run(): unknown }).run());
        const [direct, glue] = [run(paths.direct()), run(paths.glue())];
        if (isEqual(direct, glue)) return;
        // The glue misses checks of alignment.
        expect(direct).toEqual({ trapped: true });
      }),
      { numRuns: runCount(40, 15) },
    );
  });
});

function isEqual(a: unknown, b: unknown): boolean {
  try {
    expect(a).toEqual(b);
    return true;
  } catch {
    return false;
  }
}
