import { isVivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { FetchedModule, LookupOutcome, ModelProvider, ModelReply, ModuleRegistry } from '#core/ports/registry';
import { shownText } from '#core/text';
import { type CallContext, requestHash } from './call-context.ts';
import type { DelegationEngine, ExecTarget, L4CacheHit } from './delegation-engine.ts';
import { DelegationError } from './errors.ts';
import { SharedCalls } from './shared-calls.ts';
import { sharedModel } from './shared-model.ts';

/** A call to execute, wherever it is decided. */
export interface DelegatedCall {
  readonly context: CallContext;
  readonly args: readonly unknown[];
  readonly signal?: AbortSignal | undefined;
}

/** How to execute each kind of target. A decision for a target without its part is an error. */
export interface ExecutorParts {
  readonly engine: DelegationEngine;
  readonly clock: Clock;
  /** Where modules are fetched and outcomes logged. */
  readonly registry?: ModuleRegistry | undefined;
  /** Loads a fetched component into a runtime under limits and calls its function; `executorFor(runtime)` makes it. */
  readonly runModule?: ((module: FetchedModule, call: DelegatedCall) => Promise<unknown>) | undefined;
  /** Calls the local component or function. */
  readonly runLocal?: ((call: DelegatedCall) => Promise<unknown>) | undefined;
  /** The models by the id in a target. The provider is asked for the same id. */
  readonly models?: Readonly<Record<string, ModelProvider>> | undefined;
  /**
   * Lets a model answer the call. By default the question is JSON and the model's text is the result. Simultaneous
   * calls with equal contexts that ask in equal words share one question; metadata does not distinguish calls.
   */
  readonly askModel?: ((provider: ModelProvider, model: string, call: DelegatedCall) => Promise<unknown>) | undefined;
  /** Called when an outcome could not be logged, which does not make the call fail. */
  readonly unlogged?: ((error: unknown) => void) | undefined;
}

/** The result of an executed call. */
export interface Execution {
  readonly value: unknown;
  readonly target: ExecTarget;
  /** The hash of the request, as in the registry's log. */
  readonly requestHash: string;
  /** Milliseconds from the beginning of the decision to the answer. */
  readonly elapsedMs: number;
}

/** Executes decisions and logs their outcomes. */
export class Executor {
  readonly #parts: ExecutorParts;
  readonly #models: ReadonlyMap<string, ModelProvider>;
  readonly #asked = new SharedCalls<ModelReply>();

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#models = new Map(Object.entries(parts.models ?? {}));
  }

  /**
   * Decides about a call and executes it. A refused module is an error, so that the refusal is seen: it never runs
   * unsigned, and nothing else is tried instead.
   * @throws what the target throws; `DELEGATION_NO_EXECUTOR` when there is no part for the target
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
    // The row may name another module by now than when the target was decided.
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
    if (provider === undefined) throw missing(target, `a model named ${shownText(target.id)}`);
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

/** Asks a model to act as the function. Its text is the result. */
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
