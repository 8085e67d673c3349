import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader, coreModule } from '#wasm';
import { BodyReader } from '../../../src/metering/operators/body-reader.ts';
import { CompileWork } from '../../../src/metering/survey/compile-work.ts';
import { compileModule, modulePlan } from '../../../tools/metering/generator/index.ts';
import { runs } from '../../support/runs.ts';

describe('compile work', () => {
  it('is measured over every operator up to the end of each body, and is no more than values times bytes', () => {
    fc.assert(
      fc.property(modulePlan(), (plan) => {
        const { bytes } = compileModule(plan);
        const module = coreModule.readModule(bytes);
        const code = module.sections.find(({ id }) => id === coreModule.SectionId.code);
        if (code === undefined) return;
        const sections = new ByteReader(bytes, code.start, code.end);
        const reader = new BodyReader(bytes);
        const work = new CompileWork(module, reader);
        const bodies = sections.u32();
        for (let n = 0; n < bodies; n++) {
          const size = sections.u32();
          reader.position = sections.offset;
          sections.skip(size);
          reader.end = sections.offset;
          const type = module.types[module.functions[module.imported.function + n] as number];
          if (type?.kind !== 'function') throw new Error('a function has a function type');
          const locals = type.parameters.length + reader.skipLocals();
          const measured = work.measure(locals, type.results.length, Number.POSITIVE_INFINITY);
          expect(reader.position).toBe(reader.end);
          expect(measured).toBeLessThanOrEqual((locals + 2 * size) * 2 * size);
        }
      }),
      runs(300),
    );
  });
});
