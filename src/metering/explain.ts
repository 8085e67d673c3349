import type { MeteringMode } from '#core/ports/meter';
import { Assembly } from '#metering/assembly';
import { FunctionRewriter } from '#metering/body';
import { type Convention, planModule } from '#metering/plan';
import { DataSegments, startupOf } from '#metering/startup';
import { ByteReader, coreModule } from '#wasm';
import { validateModule } from './validate.ts';

/** How one function is metered. */
export interface FunctionExplanation {
  readonly index: number;
  /** The function's name in the name section. */
  readonly name: string | undefined;
  /** The number of reachable operators that cost fuel, each counted once. */
  readonly staticCost: number;
  readonly convention: Convention;
  /** Whether the function checks the budget on entry. */
  readonly checksOnEntry: boolean;
  /** The number of budget checks inserted, and of payments between them. */
  readonly checks: number;
  readonly payments: number;
  readonly bytes: number;
  readonly meteredBytes: number;
}

export interface ModuleExplanation {
  readonly startupFuel: number;
  readonly initialBytes: number;
  /** The functions, most expensive first. */
  readonly functions: readonly FunctionExplanation[];
}

/** Describes what metering does to each function of a core module. @throws {MeteringError} as `meterModule` does */
export function explainModule(bytes: Uint8Array, mode: MeteringMode = 'fuel'): ModuleExplanation {
  validateModule(bytes);
  const module = coreModule.readModule(bytes);
  const plan = planModule(module, mode);
  const rewriter = new FunctionRewriter(new Assembly(module, plan));
  const names = coreModule.readFunctionNames(module);
  const code = module.sections.find(({ id }) => id === coreModule.SectionId.code);
  const { startupFuel, initialBytes } = startupOf(module, new DataSegments(module));
  const functions: FunctionExplanation[] = [];
  if (code !== undefined) {
    const reader = new ByteReader(bytes, code.start, code.end);
    const first = module.imported.function;
    for (let left = reader.u32(), index = first; left > 0; left--, index++) {
      const size = reader.u32();
      const start = reader.offset;
      reader.skip(size);
      rewriter.body.length = 0;
      const meteredBytes = rewriter.rewrite(index, start, reader.offset);
      const own = plan.functions[index];
      if (own === undefined) continue;
      functions.push({
        index,
        name: names.get(index),
        staticCost: own.operators,
        convention: own.convention,
        checksOnEntry: own.checked,
        checks: rewriter.body.checks,
        payments: rewriter.body.payments,
        bytes: size,
        meteredBytes,
      });
    }
  }
  functions.sort((left, right) => right.staticCost - left.staticCost || left.index - right.index);
  return { startupFuel, initialBytes, functions };
}
