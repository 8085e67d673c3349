import { parse } from '@bytecodealliance/jco-transpile/wasm-tools';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRuntime, type Runtime } from '../../../src/index.ts';
import { actor } from '../../../tools/components/actor-wat.ts';
import { HEAVY_FUNCTIONS, type HeavyFunction, heavyModule } from '../../support/heavy-functions.ts';

let runtime: Runtime;
beforeEach(async () => {
  runtime = await createRuntime({ cache: false });
});
afterEach(() => runtime.close());

const componentAround = (core: string): Promise<Uint8Array> =>
  parse(`(component (core module $m ${core.replace('(module', '')} (core instance $i (instantiate $m))
    (func (export "heavy") (canon lift (core func $i "heavy"))))`);

/** Many functions, each as expensive as one may be. */
const MANY = `(module (func (export "heavy")) ${`(func (local${' i32'.repeat(49_000)}) ${'(if (i32.const 0) (then))'.repeat(60)})`.repeat(60)})`;

describe('a component whose functions take V8 long to compile', () => {
  for (const name of ['locals, if', 'operands, if']) {
    it(`is refused at load, and its neighbours are answered meanwhile: ${name}`, async () => {
      const heavy = HEAVY_FUNCTIONS.find((one) => one.name === name) as HeavyFunction;
      const neighbour = await runtime.load(await actor());
      const component = await componentAround(heavyModule(heavy, heavy.values, heavy.times));
      let answered = 0;
      let refused = false;
      const load = runtime.load(component).finally(() => {
        refused = true;
      });
      const asking = (async () => {
        while (!refused) {
          await runtime.request(neighbour, new Uint8Array([1]));
          answered++;
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      await expect(load).rejects.toMatchObject({
        code: 'RUNTIME_INVALID_COMPONENT',
        message: expect.stringMatching(/function 1 at offset \d+ would hold up the compiler/),
      });
      await asking;
      expect(answered).toBeGreaterThan(10);
    });
  }

  it('is refused when each of its functions could be taken, and all together take too long', async () => {
    await expect(runtime.load(await componentAround(MANY))).rejects.toMatchObject({
      code: 'RUNTIME_INVALID_COMPONENT',
      message: expect.stringMatching(/more than \d+ ms/),
    });
    // The next build has a child of its own.
    const neighbour = await runtime.load(await actor());
    expect(await runtime.request(neighbour, new Uint8Array([7]))).toEqual(new Uint8Array([7]));
  });
});
