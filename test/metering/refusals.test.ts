import { describe, expect, it } from 'vitest';
import { FuelTank, meterModule } from '#metering';
import { ByteWriter } from '#wasm';
import { assemble } from '../../tools/metering/wat.ts';

describe('meterModule refuses', () => {
  it.each([
    ['bytes that are no module', async () => Uint8Array.of(1, 2, 3), 'METERING_INVALID_MODULE'],
    ['a shared memory', () => assemble('(module (memory 1 2 shared))'), 'METERING_UNSUPPORTED'],
    [
      'atomic operators',
      () => assemble('(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))'),
      'METERING_UNSUPPORTED',
    ],
    [
      'an import from its own namespace',
      () => assemble('(module (import "vivarium:metering" "fuel" (global (mut i64))))'),
      'METERING_RESERVED_NAME',
    ],
    [
      'an import of what it adds to another module',
      () => assemble('(module (import "other" "vivarium:metering.globals" (func (param i32))))'),
      'METERING_RESERVED_NAME',
    ],
    [
      'an export in its own namespace',
      () => assemble('(module (func (export "vivarium:metering.start")))'),
      'METERING_RESERVED_NAME',
    ],
    [
      'a module that is metered already',
      async () => meterModule(await assemble('(module (func (export "f")))')).bytes,
      'METERING_ALREADY_METERED',
    ],
    [
      'a function without room for another local',
      () => assemble(`(module (func (local ${'i32 '.repeat(49_999)})))`),
      'METERING_TOO_LARGE',
    ],
    [
      'a global that an appended one would make valid',
      // (func (global.get 0)) without any global
      async () =>
        Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 7, 1, 5, 0, 35, 0, 26, 11),
      'METERING_INVALID_MODULE',
    ],
  ])('%s', async (_, bytes, code) => {
    const given = await bytes();
    expect(() => meterModule(given)).toThrow(expect.objectContaining({ code }));
  });

  it('a body that would outgrow what engines take', () => {
    // (module (import "a" "f" (func)) (func …900,000 times (call 0)…))
    const body = new ByteWriter().u8(0);
    for (let n = 0; n < 900_000; n++) body.u8(0x10).u8(0);
    body.u8(0x0b);
    const code = new ByteWriter().u8(1).u32(body.length).raw(body.view());
    const module = new ByteWriter().raw(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0));
    module
      .raw(Uint8Array.of(2, 7, 1, 1, 97, 1, 102, 0, 0, 3, 2, 1, 0))
      .u8(10)
      .u32(code.length)
      .raw(code.view());
    expect(() => meterModule(module.finish())).toThrow(expect.objectContaining({ code: 'METERING_TOO_LARGE' }));
  });

  it('lengths that double from global to global', async () => {
    const globals = Array.from(
      { length: 40 },
      (_, n) => `(global $g${n + 1} i32 (i32.add (global.get $g${n}) (global.get $g${n})))`,
    ).join(' ');
    const bytes = await assemble(`(module (import "a" "g" (global $g0 i32)) ${globals})`);
    expect(() => meterModule(bytes)).toThrow(expect.objectContaining({ code: 'METERING_TOO_LARGE' }));
  });
});

describe('a tank refuses', () => {
  it('a module that was not metered', async () => {
    const module = new WebAssembly.Module((await assemble('(module)')) as Uint8Array<ArrayBuffer>);
    expect(() => new FuelTank().instantiate(module)).toThrow(expect.objectContaining({ code: 'METERING_NOT_METERED' }));
  });

  it('modules of two modes', async () => {
    const bytes = await assemble('(module (func (export "f")))');
    const [fuel, deadline] = (['fuel', 'deadline'] as const).map(
      (mode) => new WebAssembly.Module(meterModule(bytes, mode).bytes as Uint8Array<ArrayBuffer>),
    );
    const tank = new FuelTank();
    tank.instantiate(fuel!);
    expect(() => tank.instantiate(deadline!)).toThrow(expect.objectContaining({ code: 'METERING_UNSUPPORTED' }));
  });
});
