// Very many turns that wait at once, in a whole runtime.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { expect, it } from 'vitest';
import { type ComponentHandle, createRuntime } from '../../../src/index.ts';
import { actor } from '../../../tools/components/actor-wat.ts';

const TURNS = 30_000;
const MOST = 10_000;

/** A component without a memory, which answers what `slow` answers: of these a process has room for very many. */
const ASKS = `(component
  (import "slow" (func $slow (result u32)))
  (core func $lowered (canon lower (func $slow)))
  (core module $m (import "" "slow" (func $slow (result i32))) (func (export "run") (result i32) (call $slow)))
  (core instance $i (instantiate $m (with "" (instance (export "slow" (func $lowered))))))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))`;

it(`of ${TURNS} turns that wait, ${MOST} do, the others are refused, and the process lives on`, async () => {
  const component = await parse(ASKS);
  const open: ((value: number) => void)[] = [];
  const slow = (): Promise<number> => new Promise((resolve) => open.push(resolve));
  await using runtime = await createRuntime();
  const echo = await runtime.load(await actor());
  const handles: ComponentHandle[] = [];
  // What is bounded here is the number; no turn is to end by its time on a busy machine.
  const limits = { maxExecutionTimeMs: 60_000, maxTurnTimeMs: 600_000 };
  for (let index = 0; index < TURNS; index++)
    handles.push(await runtime.load(component, { imports: { slow }, limits }));
  const calls = handles.map((handle) => runtime.call(handle, 'run'));
  const ends = Promise.allSettled(calls);
  while (open.length < MOST) await new Promise((resolve) => setImmediate(resolve));
  expect(await runtime.request(echo, Uint8Array.of(7), { timeoutMs: 60_000 })).toEqual(Uint8Array.of(7));
  for (const [index, resolve] of open.entries()) resolve(index);
  const settled = await ends;
  const counts = new Map<string, number>();
  for (const end of settled) {
    const how = end.status === 'fulfilled' ? end.status : end.reason.code;
    counts.set(how, (counts.get(how) ?? 0) + 1);
  }
  expect(counts).toEqual(
    new Map([
      ['fulfilled', MOST],
      ['RUNTIME_WOULD_BLOCK', TURNS - MOST],
    ]),
  );
  expect(open).toHaveLength(TURNS);
  const again = handles.findIndex((_, index) => settled[index]?.status === 'fulfilled');
  const more = runtime.call(handles[again] as ComponentHandle, 'run');
  while (open.length === TURNS) await new Promise((resolve) => setImmediate(resolve));
  open.at(-1)?.(7);
  expect(await more).toBe(7);
}, 600_000);
