// Resources that one component instance defines and others hold, by the rules of the canonical ABI.
import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import { linkComponent, readComponent } from '#wasm';
import { DirectCode } from '../../../src/runtime/direct/direct-code.ts';
import { planDirect } from '../../../src/runtime/planning/plan.ts';
import { BareTurn } from '../../../tools/runtime/bare-turn.ts';

type Call = (...args: readonly unknown[]) => unknown;

/** Instantiates a component written as text; each export is called in a turn. */
async function instance(
  text: string,
  imports: Readonly<Record<string, unknown>> = {},
): Promise<Readonly<Record<string, Call>>> {
  const component = await parse(`(component ${text})`);
  const code = new DirectCode(planDirect(component));
  const modules = linkComponent(readComponent(component)).modules.map(
    ({ bytes }) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  );
  return new BareTurn().exports(() =>
    code.instantiate(
      (index) => modules[index] as WebAssembly.Module,
      imports,
      (module, given) => new WebAssembly.Instance(module, given).exports,
    ),
  ) as Readonly<Record<string, Call>>;
}

/** Defines `r`: `make` answers one with a number, `see` what it is lent, `take` the number of what it is given, `gone` how many were destroyed. */
const DEFINES = `(component $A
  (core module $D (global $gone (mut i32) (i32.const 0))
    (func (export "dtor") (param i32) (global.set $gone (i32.add (global.get $gone) (local.get 0))))
    (func (export "gone") (result i32) (global.get $gone)))
  (core instance $d (instantiate $D))
  (type $R (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $R)) (core func $rep (canon resource.rep $R)) (core func $drop (canon resource.drop $R))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32))) (import "" "rep" (func $rep (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
    (func (export "see") (param i32) (result i32) (local.get 0))
    (func (export "take") (param i32) (result i32) (call $rep (local.get 0)) (call $drop (local.get 0))))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
  (export $E "r" (type $R))
  (func (export "make") (param "n" u32) (result (own $E)) (canon lift (core func $m "make")))
  (func (export "see") (param "r" (borrow $E)) (result u32) (canon lift (core func $m "see")))
  (func (export "take") (param "r" (own $E)) (result u32) (canon lift (core func $m "take")))
  (func (export "gone") (result u32) (canon lift (core func $d "gone"))))`;

const IMPORTS = `(import "a" (instance $a
    (export "r" (type $r (sub resource)))
    (export "make" (func (param "n" u32) (result (own $r))))
    (export "see" (func (param "r" (borrow $r)) (result u32)))
    (export "take" (func (param "r" (own $r)) (result u32)))
    (export "gone" (func (result u32)))))
  (alias export $a "r" (type $R))
  (core func $make (canon lower (func $a "make"))) (core func $see (canon lower (func $a "see")))
  (core func $take (canon lower (func $a "take"))) (core func $gone (canon lower (func $a "gone")))
  (core func $drop (canon resource.drop $R))`;

const CORE_IMPORTS = `(import "" "make" (func $make (param i32) (result i32))) (import "" "see" (func $see (param i32) (result i32)))
  (import "" "take" (func $take (param i32) (result i32))) (import "" "gone" (func $gone (result i32)))
  (import "" "drop" (func $drop (param i32)))`;
const CORE_EXPORTS = `(export "make" (func $make)) (export "see" (func $see)) (export "take" (func $take))
  (export "gone" (func $gone)) (export "drop" (func $drop))`;

/** Another component instance, `depth` components down, whose `run` is called. */
const using = (run: string, depth = 0): string => {
  const inner = `(component $B ${IMPORTS}
    (core module $M ${CORE_IMPORTS} (func (export "run") (param i32) (result i32) (local $h i32) ${run}))
    (core instance $m (instantiate $M (with "" (instance ${CORE_EXPORTS}))))
    (func (export "run") (param "n" u32) (result u32) (canon lift (core func $m "run"))))`;
  let component = inner;
  for (let level = 0; level < depth; level++) {
    component = `(component $B ${IMPORTS.split('\n').slice(0, 6).join('\n')} ${component}
      (instance $b (instantiate $B (with "a" (instance $a)))) (export "run" (func $b "run")))`;
  }
  return `${DEFINES} ${component} (instance $a (instantiate $A)) (instance $b (instantiate $B (with "a" (instance $a))))
    (export "run" (func $b "run")) (export "gone" (func $a "gone"))`;
};

describe('a resource of another component instance', () => {
  it.each([0, 1, 5])('is made, lent, given back and dropped %i components down', async (depth) => {
    const exports = await instance(
      using(
        `(local.set $h (call $make (local.get 0)))
        (drop (call $see (local.get $h))) (drop (call $see (local.get $h)))
        (call $drop (call $make (i32.const 100)))
        (call $take (local.get $h))`,
        depth,
      ),
    );
    expect(exports.run?.(7)).toBe(7);
    expect(exports.gone?.()).toBe(107);
  });

  it('has the first handle again when it was given away, and is seen by its definer as its own number', async () => {
    const exports = await instance(
      using(
        `(local.set $h (call $make (i32.const 70))) (drop (call $take (local.get $h)))
        (i32.add (i32.mul (call $make (i32.const 90)) (i32.const 1000)) (call $see (local.get $h)))`,
      ),
    );
    expect(exports.run?.(0)).toBe(1_090);
  });

  it.each([
    ['never given', '(call $see (i32.const 3))'],
    ['zero', '(call $see (i32.const 0))'],
    [
      'given away',
      '(local.set $h (call $make (i32.const 1))) (drop (call $take (local.get $h))) (call $see (local.get $h))',
    ],
    ['dropped', '(local.set $h (call $make (i32.const 1))) (call $drop (local.get $h)) (call $take (local.get $h))'],
    [
      'dropped, dropped again',
      '(local.set $h (call $make (i32.const 1))) (call $drop (local.get $h)) (call $drop (local.get $h)) (i32.const 0)',
    ],
  ])('traps by a handle that is %s', async (_what, run) => {
    const exports = await instance(using(run));
    expect(() => exports.run?.(0)).toThrow(/unknown handle index/);
  });
});

/** A parent defines `r`, has a child that calls it back, and calls the child with one lent to it: `run`. */
const lending = (child: string, back: string): string => `
  (core module $D (func (export "dtor") (param i32)) (table (export "t") 2 funcref)
    (type $f (func (param i32)))
    (func (export "back") (param i32) (call_indirect (type $f) (local.get 0) (i32.const 0))))
  (core instance $d (instantiate $D))
  (type $R (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $R)) (core func $drop (canon resource.drop $R))
  (func $back (param "n" u32) (canon lift (core func $d "back")))
  (component $C
    (import "r" (type $r (sub resource)))
    (import "back" (func $back (param "n" u32)))
    (core func $back (canon lower (func $back))) (core func $drop (canon resource.drop $r))
    (core module $M (import "" "back" (func $back (param i32))) (import "" "drop" (func $drop (param i32)))
      (func (export "run") (param i32) ${child})
      (func (export "hold") (param i32) (call $drop (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance (export "back" (func $back)) (export "drop" (func $drop))))))
    (func (export "run") (param "r" (borrow $r)) (canon lift (core func $m "run")))
    (func (export "hold") (param "r" (own $r)) (canon lift (core func $m "hold"))))
  (instance $c (instantiate $C (with "r" (type $R)) (with "back" (func $back))))
  (core func $run (canon lower (func $c "run"))) (core func $hold (canon lower (func $c "hold")))
  (core module $M
    (import "" "new" (func $new (param i32) (result i32))) (import "" "drop" (func $drop (param i32)))
    (import "" "run" (func $run (param i32))) (import "" "hold" (func $hold (param i32)))
    (import "" "t" (table 2 funcref))
    (elem (i32.const 0) func $back)
    (func $back (param i32) ${back})
    (func (export "run") (result i32) (local $h i32)
      (local.set $h (call $new (i32.const 5)))
      (call $run (local.get $h)) (call $hold (local.get $h)) (i32.const 1)))
  (core instance $m (instantiate $M (with "" (instance
    (export "new" (func $new)) (export "drop" (func $drop)) (export "run" (func $run)) (export "hold" (func $hold))
    (export "t" (table $d "t"))))))
  (func (export "run") (result u32) (canon lift (core func $m "run")))`;

describe('a resource that is lent', () => {
  const dropIt = '(call $drop (local.get 0))';

  it('is dropped by who was lent it, and its destructor runs in the parent that calls', async () => {
    const exports = await instance(lending(`(call $back (i32.const 0)) ${dropIt}`, ''));
    expect(exports.run?.()).toBe(1);
  });

  it.each([
    ['is kept beyond the call', '', '', /did not drop what it was lent/],
    ['is dropped by its owner meanwhile', `(call $back (i32.const 1)) ${dropIt}`, dropIt, /dropped while it is lent/],
    [
      'is given away by its owner meanwhile',
      `(call $back (i32.const 1)) ${dropIt}`,
      '(call $hold (local.get 0))',
      /given away while it is lent|entered while a call/,
    ],
    ['is dropped twice', `${dropIt} ${dropIt}`, '', /unknown handle index/],
  ])('traps when it %s', async (_what, child, back, message) => {
    const exports = await instance(lending(child, back));
    expect(() => exports.run?.()).toThrow(message);
  });
});

describe("a resource of the host's that an export takes", () => {
  const host = (look: string): string => `
    (import "t:t/api" (instance $api (export "r" (type $r (sub resource)))
      (export "touch" (func (param "r" (borrow $r)) (result u32)))))
    (alias export $api "r" (type $R))
    (core func $touch (canon lower (func $api "touch"))) (core func $drop (canon resource.drop $R))
    (core module $M (import "" "touch" (func $touch (param i32) (result i32))) (import "" "drop" (func $drop (param i32)))
      (memory (export "mem") 1)
      (func (export "pass") (param i32) (result i32) (local.get 0))
      (func (export "look") (param i32) (result i32) ${look})
      (func (export "many") (param i32 i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 2)) (i32.const 16)))
    (core instance $m (instantiate $M (with "" (instance (export "touch" (func $touch)) (export "drop" (func $drop))))))
    (func (export "pass") (param "r" (own $R)) (result (own $R)) (canon lift (core func $m "pass")))
    (func (export "look") (param "r" (borrow $R)) (result u32) (canon lift (core func $m "look")))
    (type $more (option (own $R)))
    (func (export "many") (param "r" (own $R)) (param "more" $more) (result (tuple (own $R) (own $R)))
      (canon lift (core func $m "many") (memory (core memory $m "mem"))))`;
  class R {
    disposed = 0;
    [Symbol.dispose](): void {
      this.disposed += 1;
    }
  }
  const api = { 't:t/api': { R, touch: (value: unknown) => (value instanceof R ? 42 : 0) } };

  it('goes in and out as the object that it is, alone and in other values', async () => {
    const { pass, many } = await instance(host('(i32.const 0)'), api);
    const [one, two] = [new R(), new R()];
    expect(pass?.(one)).toBe(one);
    expect(many?.(one, two)).toEqual([one, two]);
    expect(one.disposed).toBe(0);
  });

  it('is lent until the call ends, and not disposed of by the guest that drops what it was lent', async () => {
    const { look } = await instance(host('(call $touch (local.get 0)) (call $drop (local.get 0))'), api);
    const one = new R();
    expect(look?.(one)).toBe(42);
    expect(look?.(one)).toBe(42);
    expect(one.disposed).toBe(0);
  });

  it('is a trap to keep beyond the call, or to give away', async () => {
    const { look } = await instance(host('(call $touch (local.get 0))'), api);
    expect(() => look?.(new R())).toThrow(/did not drop what it was lent/);
  });

  it.each([[{}], [null], [undefined], [7], [{ disposed: 0 }]])('is no argument that is %s', async (wrong) => {
    const { pass, look } = await instance(host('(call $drop (local.get 0)) (i32.const 1)'), api);
    for (const call of [pass, look]) {
      expect(() => call?.(wrong)).toThrow(expect.objectContaining({ code: 'RUNTIME_INVALID_ARGUMENT' }));
    }
    expect(look?.(new R())).toBe(1);
  });
});
