import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FuelTank, meterModule } from '#metering';
import { assemble } from '../../../tools/metering/wat.ts';

/** Turns a loop, calls the host, turns it again; then ends as its second argument says. */
const GUEST = `(module (import "host" "inner" (func $inner))
  (func $spin (param i32) (loop $l (br_if $l (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const 0)))))
  (func (export "run") (param $turns i32) (param $end i32)
    (call $spin (local.get $turns)) (call $inner) (call $spin (local.get $turns))
    (if (i32.eq (local.get $end) (i32.const 1)) (then (unreachable)))
    (if (i32.eq (local.get $end) (i32.const 2)) (then (loop $ever (br $ever))))))`;
const ENDS = ['returns', 'traps', 'spins'] as const;

interface Call {
  readonly turns: number;
  readonly end: (typeof ENDS)[number];
}

/** What it costs and how it ends: one tank for each call, each begun by the host function of the one before. */
function nested(module: WebAssembly.Module, calls: readonly Call[]): string[] {
  const observed: string[] = [];
  const enter = (depth: number): void => {
    const call = calls[depth];
    if (call === undefined) return;
    const tank = new FuelTank({ fuel: 10_000n });
    const { exports } = tank.instantiate(module, { host: { inner: () => enter(depth + 1) } });
    let end = 'returned';
    try {
      (exports.run as (turns: number, end: number) => void)(call.turns, ENDS.indexOf(call.end));
    } catch (thrown) {
      end = (thrown as { code?: string }).code ?? (thrown as Error).message;
    }
    observed[depth] = `${end} after ${tank.consumed}`;
  };
  enter(0);
  return observed;
}

describe('the cell that all tanks count in', () => {
  it('gives each of the calls within each other what it would have alone', async () => {
    const module = new WebAssembly.Module(meterModule(await assemble(GUEST)).bytes as Uint8Array<ArrayBuffer>);
    const call = fc.record({ turns: fc.integer({ min: 1, max: 1_200 }), end: fc.constantFrom(...ENDS) });
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 5 }), (calls) => {
        expect(nested(module, calls)).toEqual(calls.map((each) => nested(module, [each])[0]));
      }),
    );
  });

  it('is spent between calls, for a function that was kept as well', async () => {
    const module = new WebAssembly.Module(
      meterModule(await assemble('(module (table (export "table") funcref (elem $f)) (func $f (nop)))'))
        .bytes as Uint8Array<ArrayBuffer>,
    );
    const { exports } = new FuelTank({ fuel: 100n }).instantiate(module);
    expect((exports.table as WebAssembly.Table).get(0)).toThrow(WebAssembly.RuntimeError);
  });

  it("lets no function of one store go on beyond another's budget, when it is called within that one's call", async () => {
    const work =
      '(func $f (local $i i32) (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50000)))))';
    const module = new WebAssembly.Module(
      meterModule(
        await assemble(
          `(module (import "host" "h" (func $h)) (table (export "table") funcref (elem $f)) ${work} (func (export "run") (call $h)))`,
        ),
      ).bytes as Uint8Array<ArrayBuffer>,
    );
    const [rich, poor] = [new FuelTank({ fuel: 10_000_000n }), new FuelTank({ fuel: 1_000n })];
    const inner = poor.instantiate(module, { host: { h: () => kept() } });
    const outer = rich.instantiate(module, { host: { h: () => (inner.exports.run as () => void)() } });
    const kept = (outer.exports.table as WebAssembly.Table).get(0) as () => void;
    expect(outer.exports.run).toThrow();
    expect(poor.consumed).toBeLessThanOrEqual(1_000n);
  });
});
