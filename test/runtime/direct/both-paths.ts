import type { ComponentExports } from '../../../src/runtime/code/component-code.ts';
import { componentCode } from '../../../src/runtime/code/component-code.ts';
import { DirectCode } from '../../../src/runtime/direct/direct-code.ts';
import type { LiftBounds } from '../../../src/runtime/heap-cost.ts';
import { planDirect } from '../../../src/runtime/planning/plan.ts';
import { transpile } from '../../../src/runtime/transpile/transpile.ts';
import { BareTurn } from '../../../tools/runtime/bare-turn.ts';

export type Imports = Readonly<Record<string, unknown>>;
type Stop = (reason: Error) => never;

/** One component, ready to be instantiated on either path. Core modules run unmetered. */
export interface BothPaths {
  glue(imports?: Imports): ComponentExports;
  direct(imports?: Imports, stop?: Stop, bounds?: LiftBounds): ComponentExports;
}

const link = (module: WebAssembly.Module, imports: WebAssembly.Imports = {}): WebAssembly.Exports =>
  new WebAssembly.Instance(module, imports).exports;

/** @param lifted told of what the glue charges */
export async function bothPaths(component: Uint8Array, lifted: (bytes: number) => void = () => {}): Promise<BothPaths> {
  const { javascript, coreModules, imports, exports } = await transpile(component);
  const modules = coreModules.map(({ bytes }) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  const byName = new Map(coreModules.map(({ name }, index) => [name, modules[index] as WebAssembly.Module]));
  const artifact = { javascript, coreModules: [], imports, exports };
  const glue = componentCode(
    { artifact, modules: byName } as unknown as Parameters<typeof componentCode>[0],
    lifted,
    (_name, _fallible, call) => call(),
  );
  const code = new DirectCode(planDirect(component));
  return {
    glue: (given = {}) =>
      glue.instantiate(
        (name) => byName.get(name) as WebAssembly.Module,
        given,
        (module, coreImports) => ({ exports: link(module, coreImports) }),
      ),
    direct: (given = {}, stop, bounds) =>
      new BareTurn().exports(() =>
        code.instantiate((index) => modules[index] as WebAssembly.Module, given, link, {
          stop:
            stop ??
            ((reason) => {
              throw reason;
            }),
          ...bounds,
        }),
      ),
  };
}

/** What a call did: its value, the error case of its result, or that it trapped. */
export function outcome(call: () => unknown): unknown {
  try {
    return { value: call() };
  } catch (thrown) {
    return thrown instanceof Error ? { trapped: true } : { error: thrown };
  }
}
