import { describe, expect, it } from 'vitest';
import { meterModule } from '#metering';
import { KERNELS, kernelBytes } from '../../../tools/kernels/index.ts';
import { assemble } from '../../../tools/metering/wat.ts';
import { HEAVY_FUNCTIONS, heavyModule } from '../../support/heavy-functions.ts';

describe('functions that would hold up an engine’s compiler', () => {
  for (const heavy of HEAVY_FUNCTIONS) {
    const { name, values, times } = heavy;
    it(`are refused with function and offset: ${name}`, async () => {
      const bytes = await assemble(heavyModule(heavy, values, times));
      expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(true);
      for (const mode of ['fuel', 'deadline'] as const) {
        expect(() => meterModule(bytes, mode)).toThrow(
          expect.objectContaining({
            code: 'METERING_TOO_LARGE',
            message: expect.stringMatching(/^function 1 at offset \d+ would hold up the compiler/),
            details: expect.objectContaining({ function: 1, limit: 10_000_000 }),
          }),
        );
      }
    });

    it(`are taken where there is less: ${name}`, async () => {
      const bytes = await assemble(heavyModule(heavy, Math.ceil(values / 40), Math.ceil(times / 40)));
      expect(WebAssembly.validate(meterModule(bytes).bytes)).toBe(true);
    });
  }

  it('are not taken for such as have many operands one after another', async () => {
    const body = '(if (i32.const 1) (then (drop (i32.add (i32.const 1) (i32.const 2)))))'.repeat(20_000);
    const bytes = await assemble(`(module (func ${body}))`);
    expect(() => meterModule(bytes)).not.toThrow();
  });

  it('are none of the kernels', () => {
    for (const kernel of KERNELS) expect(() => meterModule(kernelBytes(kernel))).not.toThrow();
  });
});
