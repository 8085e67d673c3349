import type { CompiledArtifact } from '#core';
import { type ComponentCode, lifecycleName } from '../component-code.ts';
import { type CallPlan, decodeCallPlan } from './call-plan.ts';
import { DirectCode } from './direct-code.ts';

/**
 * The direct path into a component that jco has accepted, with the metered modules of its artifact; or why it has none,
 * as half a sentence that follows "it".
 *
 * @param component the bytes that the artifact was made of
 */
export async function directComponent(
  component: Uint8Array,
  compiled: CompiledArtifact,
): Promise<ComponentCode | string> {
  const { modules, artifact } = compiled;
  const { exports } = artifact;
  const calls = await callPlan(component, artifact.callPlan);
  if ('whyGlue' in calls) return calls.whyGlue;
  const plan = calls.direct;
  const inOrder = plan.modules.map((name) => modules.get(name));
  if (inOrder.includes(undefined)) return 'has core modules that the transpiler left out';
  const code = new DirectCode(plan);
  const lifecycle = lifecycleName(exports);
  return {
    calls: 'direct',
    modules,
    imports: plan.imports,
    exports,
    lifecycle,
    messages: lifecycle === undefined ? undefined : code.messages(lifecycle),
    instantiate: (_, given, instantiateCore, stop, hold) =>
      code.instantiate(
        (index) => inOrder[index] as WebAssembly.Module,
        given,
        (module, coreImports) => instantiateCore(module, coreImports).exports,
        stop,
        hold,
      ),
  };
}

/** What the build found; found again for an artifact that another builder made, which costs a start milliseconds. */
async function callPlan(component: Uint8Array, kept: string | undefined): Promise<CallPlan> {
  const read = kept === undefined ? undefined : decodeCallPlan(kept);
  if (read !== undefined) return read;
  const { planCalls } = await import('./plan.ts');
  return planCalls(component);
}
