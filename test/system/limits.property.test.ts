import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRuntime, isVivariumError } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';

/** What a guest may do in a message: each piece ends, or runs until something stops it. */
const piece = fc.oneof(
  fc
    .nat(2_000)
    .map(
      (turns) =>
        `(local.set $i (i32.const ${turns})) (loop $l (br_if $l (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`,
    ),
  fc.nat(40).map((pages) => `(drop (memory.grow (i32.const ${pages})))`),
  fc.nat(3_000).map((depth) => `(drop (call $deep (i32.const ${depth})))`),
  fc.nat(60_000).map((bytes) => `(memory.fill (i32.const 2048) (i32.const 7) (i32.const ${bytes}))`),
  fc.nat(20).map((calls) => '(call $log)'.repeat(calls)),
  fc.constantFrom(
    '(loop $l (br $l))',
    '(drop (call $deep (i32.const -1)))',
    '(loop $l (br_if $l (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))',
    '(loop $l (call $log) (br $l))',
    'unreachable',
  ),
);

const limits = fc.record({
  maxFuel: fc.option(fc.bigInt({ min: 0n, max: 200_000n }), { nil: undefined }),
  maxExecutionTimeMs: fc.integer({ min: 5, max: 60 }),
  maxMemoryBytes: fc.integer({ min: 0, max: 4 * 2 ** 20 }),
});

const FIELDS = `
  (import "vivarium:actor/host-services@0.1.0" "log" (func $host_log (param i32 i32 i32 i32 i32)))
  (func $log (call $host_log (i32.const 2) (i32.const 1024) (i32.const 64) (i32.const 0) (i32.const 0)))
  (func $deep (param i32) (result i32)
    (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1))))) (else (i32.const 0))))`;

it('any guest under any limits answers or is ended within them, and its neighbour answers', {
  timeout: 600_000,
}, async () => {
  await using runtime = await createRuntime({ cache: false });
  const neighbour = await runtime.load(await actor());
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 5 }), limits, async (pieces, given) => {
      const body = `(local $i i32) ${pieces.join(' ')}
        (i32.store8 (i32.const 16) (i32.const 0)) (i32.store8 (i32.const 20) (i32.const 0)) (i32.const 16)`;
      const component = await actor({ fields: FIELDS, handleMessage: body });
      try {
        const handle = await runtime.load(component, { limits: given });
        const before = process.cpuUsage();
        const outcome = await runtime.request(handle, Buffer.from('x')).catch((error: unknown) => error);
        const { user, system } = process.cpuUsage(before);
        expect((user + system) / 1_000).toBeLessThan(given.maxExecutionTimeMs + 100);
        if (outcome !== undefined)
          expect(outcome).toMatchObject({ code: expect.stringMatching(/^(METERING|RUNTIME)_/) });
        const { last, memoryBytes } = runtime.usage(handle);
        if (outcome === undefined && given.maxFuel !== undefined)
          expect(last.fuelConsumed).toBeLessThanOrEqual(given.maxFuel);
        expect(memoryBytes).toBeLessThanOrEqual(given.maxMemoryBytes);
        await runtime.unload(handle);
      } catch (error) {
        if (!isVivariumError(error)) throw error;
      }
      expect(await runtime.request(neighbour, Buffer.from('y'))).toEqual(new Uint8Array(Buffer.from('y')));
    }),
    { numRuns: 60 },
  );
});
