import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { describe, expect, it } from 'vitest';
import type { GeneratedModule } from '../generator/index.ts';
import { observeMetered } from '../harness/metered.ts';
import { PROGRAMS } from './programs.ts';

const HOST6: GeneratedModule['imports'] = [
  { kind: 'function', name: 'host6', signature: { params: [], results: ['i32'] } },
];

describe('costs added up by hand', () => {
  for (const { name, text, calls, costs, ends } of PROGRAMS) {
    it(`${name}: ${costs.join(' + ')}`, async () => {
      const generated: GeneratedModule = {
        bytes: await parse(text),
        imports: text.includes('"host6"') ? HOST6 : [],
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
