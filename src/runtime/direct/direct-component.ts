import { type CompiledArtifact, isVivariumError } from '#core';
import { TRANSPILE_OPTIONS } from '../build/transpile.ts';
import { type ComponentCode, lifecycleName } from '../component-code.ts';
import { DirectCode } from './direct-code.ts';
import { NotDirect } from './not-direct.ts';
import { planDirectInSteps } from './plan.ts';

/**
 * The direct path into a component that jco has accepted, with the metered modules of its artifact; or why it has none,
 * as half a sentence that follows "it".
 *
 * @param component the bytes that the artifact was made of
 * @param pause lets timers and I/O run between two steps
 */
export async function directComponent(
  component: Uint8Array,
  compiled: CompiledArtifact,
  pause: () => Promise<void>,
): Promise<ComponentCode | string> {
  const { modules } = compiled;
  const { exports } = compiled.artifact;
  try {
    const plan = await planDirectInSteps(component, pause);
    await pause();
    const inOrder = Array.from({ length: plan.modules }, (_, index) => modules.get(coreModuleName(index)));
    if (inOrder.includes(undefined)) return 'has core modules that the transpiler left out';
    const code = new DirectCode(plan);
    return {
      calls: 'direct',
      modules,
      imports: plan.imports,
      exports,
      lifecycle: lifecycleName(exports),
      instantiate: (_, given, instantiateCore, stop) =>
        code.instantiate(
          (index) => inOrder[index] as WebAssembly.Module,
          given,
          (module, coreImports) => instantiateCore(module, coreImports).exports,
          stop,
        ),
    };
  } catch (error) {
    if (error instanceof NotDirect) return error.message;
    if (isVivariumError(error)) return `cannot be read: ${error.message}`;
    throw error;
  }
}

/** jco names a component's core modules in the order of the file; what it adds for calls between components comes after. */
function coreModuleName(index: number): string {
  return `${TRANSPILE_OPTIONS.name}.core${index === 0 ? '' : index + 1}.wasm`;
}
