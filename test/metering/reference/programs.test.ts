import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import type { GeneratedModule } from '../../../tools/metering/generator/index.ts';
import { observeMetered } from '../../../tools/metering/harness/metered.ts';
import { importsOfProgram, PROGRAMS } from '../../../tools/metering/reference/programs.ts';

describe('costs added up by hand', () => {
  for (const program of PROGRAMS) {
    const { name, text, calls, costs, ends } = program;
    it(`${name}: ${costs.join(' + ')}`, async () => {
      const generated: GeneratedModule = {
        bytes: await parse(text),
        imports: importsOfProgram(program),
        calls: calls.map((call) => ({ name: call, params: [], args: [] })),
        exports: [],
        used: new Set(),
      };
      const observed = observeMetered(generated);
      expect(observed.costs.map(Number)).toEqual(costs);
      expect(observed.outcomes.at(-1)).toContain(ends === undefined ? 'returned' : ends === 'threw' ? 'threw' : 'trap');
    });
  }
});
