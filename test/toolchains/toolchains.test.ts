import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../src/index.ts';
import { matrix } from '../../tools/toolchains/matrix.ts';
import { runHere } from '../../tools/toolchains/run-here.ts';
import { type Outcome, SCENARIOS } from '../../tools/toolchains/scenarios.ts';
import { TOOLCHAINS } from '../../tools/toolchains/table.ts';

const recorded = JSON.parse(readFileSync(new URL('recorded.json', import.meta.url), 'utf8')) as Record<
  string,
  Record<string, Outcome>
>;
const componentOf = (name: string): string => new URL(`components/${name}.wasm`, import.meta.url).pathname;

describe.each(TOOLCHAINS.filter(({ name }) => existsSync(componentOf(name))))(
  'a tool made of $language',
  (toolchain) => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await createRuntime();
    });
    afterAll(() => runtime.close());

    const scenarios = SCENARIOS.filter(({ name }) => toolchain.scenarios.includes(name));
    it.each(scenarios)('does as with wasmtime: $name', async (scenario) => {
      const wanted = recorded[toolchain.name]?.[scenario.name];
      expect(wanted).toBeDefined();
      expect(await runHere(runtime, componentOf(toolchain.name), scenario)).toEqual(wanted);
    });
  },
);

describe('docs/toolchains.md', () => {
  it('is what the table gives', () => {
    expect(readFileSync('docs/toolchains.md', 'utf8')).toBe(matrix(recorded));
  });

  it('has every committed component', () => {
    for (const { name, isCommitted } of TOOLCHAINS)
      expect(isCommitted && !existsSync(componentOf(name)), name).toBe(false);
  });
});
