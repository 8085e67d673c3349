import { describe, expect, it } from 'vitest';
import { FuelTank, type FuelTankOptions, meterModule } from '#metering';
import { assemble } from '../../../tools/metering/wat.ts';

type Call = (...args: unknown[]) => unknown;

async function compile(text: string): Promise<WebAssembly.Module> {
  return new WebAssembly.Module(meterModule(await assemble(text)).bytes as Uint8Array<ArrayBuffer>);
}

const COUNT = `(module (func $spin (export "run") (param i32) (result i32)
  (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) local.get 0))`;

async function counter(options: FuelTankOptions): Promise<{ tank: FuelTank; run: Call }> {
  const tank = new FuelTank(options);
  const { exports } = tank.instantiate(await compile(COUNT));
  return { tank, run: exports.run as Call };
}

describe('a FuelTank', () => {
  it('adds up what calls cost', async () => {
    const { tank, run } = await counter({ fuel: 1_000n });
    run(1);
    expect(tank.consumed).toBe(7n);
    run(2);
    expect(tank.consumed).toBe(7n + 12n);
  });

  it('throws when only the last straight run went over', async () => {
    const { run } = await counter({ fuel: 6n });
    expect(() => run(1)).toThrow(expect.objectContaining({ code: 'METERING_OUT_OF_FUEL' }));
  });

  it('has one budget for all calls, and is spent after it', async () => {
    const { tank, run } = await counter({ fuel: 10n });
    run(1);
    expect(() => run(1)).toThrow(expect.objectContaining({ code: 'METERING_OUT_OF_FUEL' }));
    expect(() => run(0)).toThrow(expect.objectContaining({ code: 'METERING_OUT_OF_FUEL' }));
    expect(tank.consumed).toBe(10n);
  });

  it('says which function was running', async () => {
    const { run } = await counter({ fuel: 1_000_000n });
    expect(() => run(0)).toThrow(
      expect.objectContaining({
        code: 'METERING_OUT_OF_FUEL',
        message: expect.stringContaining('in function spin'),
        details: expect.objectContaining({ function: 'spin' }),
      }),
    );
  });

  it('ends a call at its deadline', async () => {
    const { run } = await counter({ deadlineMs: 5 });
    expect(() => run(0)).toThrow(expect.objectContaining({ code: 'METERING_DEADLINE' }));
  });

  it('links instances to each other and to the host, and lets the host call back', async () => {
    const tank = new FuelTank({ fuel: 10_000n });
    const base = tank.instantiate(await compile(COUNT));
    const user = tank.instantiate(
      await compile(`(module (import "base" "run" (func $run (param i32) (result i32))) (import "host" "back" (func $back))
        (func (export "leaf") (nop)) (func (export "both") (result i32) (call $back) (call $run (i32.const 3))))`),
      { base: base.exports as WebAssembly.ModuleImports, host: { back: () => (user.exports.leaf as Call)() } },
    );
    expect((user.exports.both as Call)()).toBe(0);
    expect(tank.consumed).toBe(1n + 1n + 1n + 1n + 1n + 1n + 3n * 5n + 1n);
  });

  it("lets a guest's own exception through, and serves the next call", async () => {
    const tank = new FuelTank({ fuel: 100n });
    const { exports } = tank.instantiate(await compile('(module (tag $e) (func (export "run") (throw $e)))'));
    expect(exports.run as Call).toThrow(WebAssembly.Exception);
    expect(exports.run as Call).toThrow(WebAssembly.Exception);
    expect(tank.consumed).toBe(4n);
  });

  it('refuses limits that make no sense', () => {
    expect(() => new FuelTank({ fuel: -1n })).toThrow(expect.objectContaining({ code: 'CORE_INVALID_LIMITS' }));
  });
});
