// Imports in place of whose calls metered code uses globals.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONTEXT } from '#core/ports/meter';
import { meter } from '#metering';
import { assemble } from '../../tools/metering/wat.ts';

const IMPORTS = `(import "host" "get" (func $get (result i32))) (import "host" "set" (func $set (param i32)))
  (import "host" "given" (global $given (mut i32))) (global $own (mut i32) (i32.const 3))`;
const CONTEXTS = [
  { module: 'host', name: 'get', slot: 0, sets: false },
  { module: 'host', name: 'set', slot: 0, sets: true },
];

type Statement = 'set' | 'add' | 'own' | 'given' | 'leaf' | 'loop' | 'branch';
const WRITTEN: Readonly<Record<Statement, string>> = {
  set: '(call $set (local.get $n))',
  add: '(call $set (i32.add (call $get) (i32.const 7)))',
  own: '(global.set $own (i32.add (global.get $own) (call $get)))',
  given: '(global.set $given (i32.mul (i32.add (call $get) (i32.const 1)) (global.get $own)))',
  leaf: '(call $leaf)',
  loop: `(local.set $i (i32.const 5)) (loop $more (call $set (i32.add (call $get) (global.get $own)))
    (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`,
  branch: '(if (i32.and (call $get) (i32.const 1)) (then (call $set (i32.const 2))) (else (call $leaf)))',
};

const program = (statements: readonly Statement[]): string => `(module ${IMPORTS}
  (func $leaf (call $set (i32.xor (call $get) (i32.const 13))))
  (func (export "f") (param $n i32) (result i32) (local $i i32)
    ${statements.map((each) => WRITTEN[each]).join('\n')}
    (i32.add (call $get) (i32.add (global.get $own) (global.get $given)))))`;

/** Runs `f` with functions of the host, or with globals in place of them. */
function run(bytes: Uint8Array, mode: 'fuel' | 'deadline', asGlobals: boolean, n: number): unknown {
  const metered = meter.meterModule(bytes, mode, { contexts: asGlobals ? CONTEXTS : [] });
  const module = new WebAssembly.Module(metered.bytes as Uint8Array<ArrayBuffer>);
  const number = new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
  const given = new WebAssembly.Global({ value: 'i32', mutable: true }, 11);
  const host = {
    get: () => number.value,
    set: (value: number) => {
      number.value = value;
    },
    given,
  };
  const tank = meter.createTank({ maxMemoryBytes: 2 ** 20 });
  tank.begin({ fuel: 1_000_000n });
  const exports = tank.link(module, { host, [CONTEXT]: { 0: number } });
  const answer = (exports.f as (n: number) => number)(n);
  tank.end();
  return { answer, number: number.value, given: given.value, fuel: tank.usage.totalFuel };
}

describe('context imports', () => {
  it('answer and cost the same as globals and as functions, in any program', async () => {
    const statements = fc.array(fc.constantFrom(...(Object.keys(WRITTEN) as Statement[])), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(statements, fc.integer(), fc.constantFrom('fuel', 'deadline'), async (list, n, mode) => {
        const bytes = await assemble(program(list));
        expect(run(bytes, mode, true, n)).toEqual(run(bytes, mode, false, n));
      }),
      { numRuns: 60 },
    );
  });

  it('are called no more, so that what they would cost the host is gone', async () => {
    const bytes = await assemble(program(['add', 'loop', 'leaf']));
    const metered = meter.meterModule(bytes, 'fuel', { contexts: CONTEXTS });
    const module = new WebAssembly.Module(metered.bytes as Uint8Array<ArrayBuffer>);
    expect(WebAssembly.Module.imports(module)).toContainEqual({ module: CONTEXT, name: '0', kind: 'global' });
    const never = (): never => {
      throw new Error('the host was called');
    };
    const tank = meter.createTank({ maxMemoryBytes: 2 ** 20 });
    tank.begin({ fuel: 1_000_000n });
    const global = (): WebAssembly.Global => new WebAssembly.Global({ value: 'i32', mutable: true }, 0);
    const exports = tank.link(module, {
      host: { get: never, set: never, given: global() },
      [CONTEXT]: { 0: global() },
    });
    expect((exports.f as (n: number) => number)(1)).toBeGreaterThan(0);
  });

  it('stay functions where their types are no numbers', async () => {
    const bytes = await assemble(
      '(module (import "host" "get" (func $get (result f32))) (func (export "f") (drop (call $get))))',
    );
    const metered = meter.meterModule(bytes, 'fuel', { contexts: CONTEXTS });
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(metered.bytes as Uint8Array<ArrayBuffer>));
    expect(imports.map(({ module }) => module)).not.toContain(CONTEXT);
  });
});
