import type { CompiledArtifact } from '#core/ports/artifact';
import { type ComponentCode, handlerName, lifecycleName } from '#runtime/code';
import type { TurnScheduler } from '#runtime/execution';
import { answerChecksOf, exportIndexOf } from '#runtime/exports';
import type { CallPlan } from './call-plan.ts';
import { DirectCode } from './direct-code.ts';

/** How guests give the thread away: when they compute for long (`preemptive`), and when they have to wait (`waits`). */
export interface DirectMode {
  readonly preemptive: boolean;
  readonly waits: boolean;
  /** Whether the runtime's storage may answer promises. */
  readonly storageWaits: boolean;
  readonly scheduler: TurnScheduler;
}

/** How a component is called, and the text of what it exports. */
export interface PlannedCalls {
  readonly plan: CallPlan;
  exported(): string | undefined;
}

/**
 * Makes the direct path into a component that jco has accepted, with the metered modules of its artifact. Answers a text where
 * the component has no direct path: the reason, as half a sentence that follows "it".
 *
 * @param calls how the component is called
 * @param mode how its guests give up the thread
 */
export function directComponent(
  compiled: CompiledArtifact,
  calls: PlannedCalls,
  mode: DirectMode,
): ComponentCode | string {
  const { modules } = compiled;
  const { exports } = compiled.artifact;
  if ('whyGlue' in calls.plan) return calls.plan.whyGlue;
  const plan = calls.plan.direct;
  const inOrder = plan.modules.map((name) => modules.get(name));
  if (inOrder.includes(undefined)) return 'has core modules that the transpiler left out';
  const suspends =
    plan.tasks !== undefined ||
    mode.preemptive ||
    (mode.waits && (plan.waits > 0 || (mode.storageWaits && plan.storageWaits > 0)));
  const code = new DirectCode(plan, answerChecksOf(calls.exported), suspends ? mode.scheduler : undefined);
  const lifecycle = lifecycleName(exports);
  return {
    calls: 'direct',
    suspends,
    hasTasks: plan.tasks !== undefined,
    modules,
    imports: plan.imports,
    exports,
    lifecycle,
    handler: handlerName(exports),
    messages: lifecycle === undefined ? undefined : code.messages(lifecycle),
    exportIndex: exportIndexOf(calls.exported),
    functionOf: (instance, { name }) => code.functionOf(instance, name),
    instantiate: (_, given, instantiateCore, store, hostCalled) =>
      code.instantiate(
        (index) => inOrder[index] as WebAssembly.Module,
        given,
        (module, coreImports) => instantiateCore(module, coreImports).exports,
        store,
        hostCalled,
      ),
    // An instance of a component with tasks has globals of its store's own among its imports.
    reuse: plan.tasks === undefined ? (instances, given, store) => code.reuse(instances, given, store) : undefined,
  };
}
