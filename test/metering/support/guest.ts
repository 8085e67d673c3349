import type { CallBudget, MeteringMode, Tank } from '#core/ports/meter';
import { RewritingMeter } from '#metering';
import { assemble } from '../../../tools/metering/wat.ts';

type Exports = Record<string, (...args: unknown[]) => unknown>;

/** A metered guest on a tank of its own, and what becomes of calls into it. */
export class Guest {
  readonly tank: Tank;
  exports: Exports = {};

  constructor(maxMemoryBytes = 2 ** 26) {
    this.tank = new RewritingMeter().createTank({ maxMemoryBytes });
  }

  /** Instantiates; answers the error's code when that fails. */
  async link(
    text: string,
    imports: WebAssembly.Imports = {},
    budget: CallBudget = BUDGET,
    mode: MeteringMode = 'fuel',
  ): Promise<string> {
    const { bytes } = new RewritingMeter().meterModule(await assemble(text), mode);
    const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    return this.enter(() => {
      this.exports = this.tank.link(module, imports) as Exports;
    }, budget);
  }

  /** What a call ends in: `returned …`, or the code or message of what was thrown. */
  call(name: string, args: readonly unknown[] = [], budget: CallBudget = BUDGET): string {
    let result: unknown;
    const end = this.enter(() => {
      result = this.exports[name]?.(...args);
    }, budget);
    return end === 'done' ? `returned ${result}` : end;
  }

  enter(act: () => void, budget: CallBudget): string {
    try {
      this.tank.begin(budget);
      act();
      this.tank.end();
      return 'done';
    } catch (thrown) {
      const failure = this.tank.failure(thrown) ?? (thrown as Error & { code?: string });
      return failure.code ?? failure.message;
    }
  }
}

/** Enough for anything that ends, and soon used up by what does not. */
export const BUDGET: CallBudget = { fuel: 20_000_000n, timeMs: 120_000 };
