import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { coreModule } from '#wasm';
import { createRuntime } from '../../../src/index.ts';
import { MeteringError } from '../../../src/metering/errors.ts';
import { meterModule } from '../../../src/metering/index.ts';
import { named } from '../../../src/metering/tank/trap-cause.ts';
import { plain } from '../../../tools/components/actor-wat.ts';

function running(...frames: readonly string[]): unknown {
  const thrown = new WebAssembly.RuntimeError('unreachable');
  thrown.stack = ['RuntimeError: unreachable', ...frames].join('\n');
  const error = named(new MeteringError('METERING_DEADLINE', 'late'), thrown);
  return (error as MeteringError).details.function;
}

const PLACE = ' (wasm://wasm/';

describe('the function that ran', () => {
  it.each([
    ['    at spin (wasm://wasm/guest-0123abcd:wasm-function[7]:0x1f)', 'spin'],
    ['    at async spin (wasm://wasm/guest-0123abcd:wasm-function[7]:0x1f)', 'spin'],
    ['    at guest.spin (wasm://wasm/0123abcd:wasm-function[7]:0x1f)', 'guest.spin'],
    ['    at a (b) c (wasm://wasm/a-b-0123abcd:wasm-function[7]:0x1f)', 'a (b) c'],
    ['    at guest (wasm://wasm/guest-0123abcd:wasm-function[7]:0x1f)', undefined],
    ['    at spin (wasm://wasm/guest-0123abcx:wasm-function[7]:0x1f)', undefined],
    ['    at wasm://wasm/0123abcd:wasm-function[7]:0x1f', undefined],
    ['    at run (file:///host.js:1:1)', undefined],
    [`    at a${PLACE}b (wasm://wasm/m-0123abcd:wasm-function[7]:0x1f)`, `a${PLACE}b`],
  ])('is read from %s', (frame, name) => {
    expect(running(frame)).toBe(name);
  });

  it('is the first that is not of the metering', () => {
    const helper = '    at vivarium:metering.refill (wasm://wasm/m-0123abcd:wasm-function[1]:0x1)';
    expect(running(helper, '    at spin (wasm://wasm/m-0123abcd:wasm-function[7]:0x1f)')).toBe('spin');
  });

  it('is read whatever name it has', () => {
    const part = fc.constantFrom('a', ' ', '(', ')', PLACE, 'wasm://', 'm-', '0123abcd:', 'async ', '-');
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 12 }), (parts) => {
        const name = `f${parts.join('')}`;
        expect(running(`    at ${name} (wasm://wasm/m-0123abcd:wasm-function[7]:0x1f)`)).toBe(name);
      }),
    );
  });

  it.each([
    ['a place', PLACE],
    ['a module', `${PLACE}m-`],
    ['a hash', `${PLACE}m-0123abcd:`],
  ])('is looked for in one pass through a name of 4 MB that repeats %s', (_, piece) => {
    const name = piece.repeat(Math.ceil(2 ** 22 / piece.length));
    const shown = running(`    at ${name}${PLACE}0123abcd:wasm-function[7]:0x1f)`, `    at ${name}`);
    expect(shown).toBe(`${name.slice(0, 200)}…`);
  });

  it('is told in few characters when the guest gives it a name of a megabyte', async () => {
    const name = PLACE.repeat(75_000);
    const loops = `(func $spin (@name "${name}") (result i32) (loop $l (br $l)) (unreachable))`;
    await using runtime = await createRuntime();
    const handle = await runtime.load(await plain(loops, '(call $spin)'), { limits: { maxFuel: 1_000n } });
    await expect(runtime.call(handle, 'run', 1)).rejects.toMatchObject({
      code: 'METERING_OUT_OF_FUEL',
      details: { function: expect.stringMatching(/^.{1,201}$/) },
    });
  });

  it('has its name cut in the metered module, as V8 writes it into each frame of a stack', async () => {
    const long = await parse(`(module (func (@name "${'ä'.repeat(1_000_000)}")) (func (@name "short")))`);
    const { bytes } = meterModule(long);
    const names = coreModule.readFunctionNames(coreModule.readModule(bytes));
    const lengths = [...names.values()].map((name) => Buffer.byteLength(name));
    expect(Math.max(...lengths)).toBe(4_096);
    expect([...names.values()]).toContain('short');
  });
});
