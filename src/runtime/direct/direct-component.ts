import type { CompiledArtifact } from '#core';
import { type ComponentCode, lifecycleName } from '../code/component-code.ts';
import type { TurnScheduler } from '../execution/index.ts';
import { answerChecksOf, exportIndexOf } from '../exports/index.ts';
import { type CallPlan, decodeCallPlan, exportedIn } from './call-plan.ts';
import { DirectCode } from './direct-code.ts';

/** How guests give up the thread: when they compute for long, and when they have to wait. */
export interface DirectMode {
  readonly preemptive: boolean;
  readonly waits: boolean;
  readonly scheduler: TurnScheduler;
}

/**
 * The direct path into a component that jco has accepted, with the metered modules of its artifact; or why it has none,
 * as half a sentence that follows "it".
 *
 * @param component reads the bytes that the artifact was made of
 * @param mode how its guests give up the thread
 */
export async function directComponent(
  component: () => Promise<Uint8Array>,
  compiled: CompiledArtifact,
  mode: DirectMode,
): Promise<ComponentCode | string> {
  const { modules, artifact } = compiled;
  const { exports } = artifact;
  const calls = await plannedCalls(component, artifact.callPlan);
  if ('whyGlue' in calls.plan) return calls.plan.whyGlue;
  const plan = calls.plan.direct;
  const inOrder = plan.modules.map((name) => modules.get(name));
  if (inOrder.includes(undefined)) return 'has core modules that the transpiler left out';
  const suspends = mode.preemptive || (mode.waits && plan.waits > 0);
  const code = new DirectCode(plan, answerChecksOf(calls.exported), suspends ? mode.scheduler : undefined);
  const lifecycle = lifecycleName(exports);
  return {
    calls: 'direct',
    suspends,
    modules,
    imports: plan.imports,
    exports,
    lifecycle,
    messages: lifecycle === undefined ? undefined : code.messages(lifecycle),
    exportIndex: exportIndexOf(calls.exported),
    functionOf: (instance, { name }) => code.functionOf(instance, name),
    instantiate: (_, given, instantiateCore, stop, hold, bounds) =>
      code.instantiate(
        (index) => inOrder[index] as WebAssembly.Module,
        given,
        (module, coreImports) => instantiateCore(module, coreImports).exports,
        stop,
        hold,
        bounds,
      ),
  };
}

/** How a component is called, and the text of what it exports. */
export interface PlannedCalls {
  readonly plan: CallPlan;
  exported(): string | undefined;
}

/** What the build found; found again for an artifact that another builder made, which costs a start milliseconds. */
export async function plannedCalls(
  component: () => Promise<Uint8Array>,
  kept: string | undefined,
): Promise<PlannedCalls> {
  const plan = kept === undefined ? undefined : decodeCallPlan(kept);
  if (kept !== undefined && plan !== undefined) return { plan, exported: () => exportedIn(kept) };
  const { planBuild } = await import('./plan.ts');
  const { calls, exported } = planBuild(await component());
  return { plan: calls, exported: () => exported };
}
