import { isVivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { FetchedModule, LookupOutcome, ModelProvider, ModelReply, ModuleRegistry } from '#core/ports/registry';
import { shownText } from '#core/text';
import { type CallContext, requestHash } from './call-context.ts';
import type { DelegationEngine, ExecTarget, L4CacheHit } from './delegation-engine.ts';
import { DelegationError } from './errors.ts';
import { SharedCalls } from './shared-calls.ts';
import { sharedModel } from './shared-model.ts';

/** A call to be carried out somewhere. */
export interface DelegatedCall {
  readonly context: CallContext;
  readonly args: readonly unknown[];
  readonly signal?: AbortSignal | undefined;
}

/** How each kind of target is carried out. One that is left out is an error when it is decided for. */
export interface ExecutorParts {
  readonly engine: DelegationEngine;
  readonly clock: Clock;
  /** Where hits are fetched and outcomes logged. */
  readonly registry?: ModuleRegistry | undefined;
  /** Loads a fetched component into a runtime, under limits, and calls its function: `executorFor(runtime)`. */
  readonly runModule?: ((module: FetchedModule, call: DelegatedCall) => Promise<unknown>) | undefined;
  /** Calls the component or function at hand. */
  readonly runLocal?: ((call: DelegatedCall) => Promise<unknown>) | undefined;
  /** Models by the id that a target names; the same id is asked of the provider. */
  readonly models?: Readonly<Record<string, ModelProvider>> | undefined;
  /**
   * Has a model answer the call; by default it is asked in JSON and its text is the value. What calls of equal contexts ask
   * in equal words at the same time is asked once; metadata tells no calls apart.
   */
  readonly askModel?: ((provider: ModelProvider, model: string, call: DelegatedCall) => Promise<unknown>) | undefined;
  /** Told when an outcome could not be logged, which does not fail the call. */
  readonly unlogged?: ((error: unknown) => void) | undefined;
}

/** What was done. */
export interface Execution {
  readonly value: unknown;
  readonly target: ExecTarget;
  /** Hash of the request, as the registry's log has it. */
  readonly requestHash: string;
  /** Milliseconds from the decision's begin to the answer. */
  readonly elapsedMs: number;
}

/** Carries decisions out, and logs how they ended. */
export class Executor {
  readonly #parts: ExecutorParts;
  readonly #models: ReadonlyMap<string, ModelProvider>;
  readonly #asked = new SharedCalls<ModelReply>();

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#models = new Map(Object.entries(parts.models ?? {}));
  }

  /**
   * Decides and carries out. A module that is refused is an error: it is never run unsigned, and nothing else is tried
   * in its place, so that a refusal is seen.
   * @throws what the target throws; `DELEGATION_NO_EXECUTOR` when nothing here carries out such a target
   */
  async execute(call: DelegatedCall): Promise<Execution> {
    const { clock, engine } = this.#parts;
    const begun = clock.monotonic();
    const hash = requestHash(call.context);
    const log = (outcome: LookupOutcome['outcome'], moduleId?: string): Promise<void> =>
      this.#log({
        requestHash: hash,
        interfaceHash: call.context.interfaceHash,
        outcome,
        moduleId,
        elapsedMs: clock.monotonic() - begun,
      });
    call.signal?.throwIfAborted();
    const target = await engine.decide(call.context);
    call.signal?.throwIfAborted();
    const moduleId = target.kind === 'L4CacheHit' ? target.moduleId : undefined;
    let value: unknown;
    try {
      value =
        target.kind === 'L4CacheHit' ? await this.#runHit(target, call) : await this.#runOther(target, call, hash);
    } catch (error) {
      await log(
        moduleId !== undefined && isVivariumError(error) && isRefusal(error.code) ? 'refused' : 'failed',
        moduleId,
      );
      throw error;
    }
    const elapsedMs = clock.monotonic() - begun;
    await log(moduleId === undefined ? 'miss' : 'hit', moduleId);
    return { value, target, requestHash: hash, elapsedMs };
  }

  async #runHit(target: L4CacheHit, call: DelegatedCall): Promise<unknown> {
    const { registry, runModule } = this.#parts;
    if (registry === undefined || runModule === undefined) throw missing(target, 'registry and runModule');
    const module = await registry.fetch(target.moduleId, call.signal);
    // The row may point elsewhere by now than it did when the target was decided.
    if (module.record.storagePointer !== target.storagePointer) {
      throw new DelegationError(
        'DELEGATION_STALE_DECISION',
        `module ${target.moduleId} changed between decision and fetch; decide again`,
      );
    }
    return runModule(module, call);
  }

  async #runOther(target: Exclude<ExecTarget, L4CacheHit>, call: DelegatedCall, hash: string): Promise<unknown> {
    if (target.kind === 'LocalPure') {
      const { runLocal } = this.#parts;
      if (runLocal === undefined) throw missing(target, 'runLocal');
      return runLocal(call);
    }
    const provider = this.#models.get(target.id);
    if (provider === undefined) throw missing(target, `a model called ${shownText(target.id)}`);
    const shared = sharedModel(provider, `${hash} ${JSON.stringify(target.id)}`, this.#asked);
    return (this.#parts.askModel ?? askInJson)(shared, target.id, call);
  }

  async #log(outcome: LookupOutcome): Promise<void> {
    try {
      await this.#parts.registry?.record(outcome);
    } catch (error) {
      this.#parts.unlogged?.(error);
    }
  }
}

/** Asks a model to be the function; its text is the value. */
async function askInJson(provider: ModelProvider, model: string, call: DelegatedCall): Promise<unknown> {
  const question = { function: call.context.fnSymbol, arguments: call.args };
  const text = JSON.stringify(question, (_, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
  const { text: answer } = await provider.complete({ model, messages: [{ role: 'user', content: text }] }, call.signal);
  return answer;
}

function isRefusal(code: string): boolean {
  return code === 'DELEGATION_STALE_DECISION' || (code.startsWith('REGISTRY_') && code !== 'REGISTRY_UNAVAILABLE');
}

function missing(target: ExecTarget, what: string): DelegationError {
  return new DelegationError(
    'DELEGATION_NO_EXECUTOR',
    `the call was delegated to ${target.kind}, but the executor was given no ${what}`,
    { details: { target: target.kind } },
  );
}
