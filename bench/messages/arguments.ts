// What the check of arguments costs on `runtime.call`, beside the same direct calls without it and beside raw jco's glue.

import { DirectCode } from '../../src/runtime/direct/direct-code.ts';
import { exportIndexOf } from '../../src/runtime/exports/index.ts';
import { planBuild } from '../../src/runtime/planning/plan.ts';
import { componentOf } from '../../tools/components/actor-wat.ts';
import { BareTurn } from '../../tools/runtime/bare-turn.ts';
import type { RunGroup } from '../figure.ts';
import { paired } from '../support/measure.ts';
import { rawExports } from '../support/raw-jco.ts';

const ROUNDS = 15;
const CALLS = 20_000;

const WIT = `package bench:calls; interface api {
  record item { price: u32, name: string }
  add: func(a: u32, b: u32) -> u32; total: func(id: u64, items: list<item>) -> u32;
} world w { export api; }`;
/** A bump allocator that begins again after each call, by the post-return function. */
const CODE = `(module (memory (export "memory") 1) (global $at (mut i32) (i32.const 1024))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $at (i32.and (i32.add (global.get $at) (i32.const 7)) (i32.const -8)))
    (global.get $at) (global.set $at (i32.add (global.get $at) (local.get 3))))
  (func (export "bench:calls/api#add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "bench:calls/api#total") (param i64 i32 i32) (result i32) (global.set $at (i32.const 1024)) (local.get 2)))`;

const CASES: readonly (readonly [what: string, name: string, args: readonly unknown[]])[] = [
  ['two u32', 'bench:calls/api#add', [1, 2]],
  [
    'a list of ten records',
    'bench:calls/api#total',
    [7n, Array.from({ length: 10 }, (_, index) => ({ price: index, name: 'a short name' }))],
  ],
];

export const checkedArguments: RunGroup = async (report) => {
  const component = await componentOf(CODE, WIT, 'w');
  const { calls, exported, modules: planned } = planBuild(component);
  if (!('direct' in calls)) throw new Error('the component does not go directly');
  const cores = planned.map((bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  const code = new DirectCode(calls.direct);
  const turn = new BareTurn();
  const instance = turn.run(() =>
    code.instantiate(
      (index) => cores[index] as WebAssembly.Module,
      {},
      (module, imports) => new WebAssembly.Instance(module, imports).exports,
    ),
  );
  const raw = (
    await rawExports<{ readonly api: Readonly<Record<string, (...args: readonly unknown[]) => unknown>> }>(component)
  )().api;
  const index = exportIndexOf(() => exported)();
  for (const [what, name, args] of CASES) {
    const call = code.functionOf(instance, name);
    if (call === undefined) throw new Error(`${name} is missing`);
    const checked = (): unknown => call(...index.checked(index.find(name), args));
    const unchecked = (): unknown => call(...args);
    const run = (one: () => unknown): number => {
      const began = performance.now();
      turn.run(() => {
        for (let count = 0; count < CALLS; count++) one();
      });
      return ((performance.now() - began) * 1_000) / CALLS;
    };
    const member = name.slice(name.indexOf('#') + 1);
    const glued = (): unknown => raw[member]?.(...args);
    for (const one of [checked, unchecked, glued]) run(one);
    const own = await paired(
      ROUNDS,
      () => run(checked),
      () => run(unchecked),
    );
    const beside = await paired(
      ROUNDS,
      () => run(checked),
      () => run(glued),
    );
    report({ figure: `the check of ${what}`, value: own.a - own.b, unit: 'us', goal: 'shown', holds: true });
    report({
      figure: `a direct call with ${what}, checked, ratio`,
      value: beside.ratio,
      unit: 'x',
      peer: 'raw jco glue, which checks nothing',
      goal: '<= 1',
      holds: beside.ratio <= 1,
    });
  }
};
