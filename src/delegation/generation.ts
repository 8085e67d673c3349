import { LRUCache } from 'lru-cache';
import { isVivariumError, messageOf } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import type { FetchedModule, ModelMessage, ModelProvider, ModuleRecord } from '#core/ports/registry';
import { type CallContext, requestHash } from './call-context.ts';
import { DelegationError } from './errors.ts';
import type { DelegatedCall } from './executor.ts';
import { complaintOf, sourceOf } from './model-text.ts';
import { SharedCalls } from './shared-calls.ts';

/** A component that was loaded for a check. */
export interface GeneratedModule {
  readonly bytes: Uint8Array;
  /** Calls an export: `name`, or `ns:pkg/iface@v#func`. */
  call(name: string, args: readonly unknown[]): Promise<unknown>;
}

/** The description under which a component is published. */
export interface GeneratedMetadata {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly embedding?: Float32Array | undefined;
  readonly embedderId?: string | undefined;
}

/** Publishes a built component; the registry's `ModulePublisher` implements it. */
export interface GeneratedPublisher {
  publishModule(
    bytes: Uint8Array,
    metadata: GeneratedMetadata,
    options: {
      readonly check?: ((module: GeneratedModule, signal: AbortSignal) => Promise<void>) | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<ModuleRecord>;
}

export interface GenerationParts {
  /** The question to the model. Its answer must be source text, alone or in a fenced block. */
  readonly prompt: (context: CallContext) => readonly ModelMessage[];
  /**
   * Builds a component from source that nobody has read; `buildSource` of `vivarium` does this in a separate process.
   */
  readonly build: (source: string, context: CallContext, signal: AbortSignal) => Promise<Uint8Array>;
  /** Describes the component for publication. */
  readonly describe: (context: CallContext) => GeneratedMetadata;
  /** Throws when the component does not do what it should. Without it, loading successfully is the check. */
  readonly check?: ((module: GeneratedModule, context: CallContext, signal: AbortSignal) => Promise<void>) | undefined;
  readonly publisher: GeneratedPublisher;
  /** Where the published module is fetched and its signatures are checked. */
  readonly registry: { fetch(id: string, signal?: AbortSignal): Promise<FetchedModule> };
  /** Runs the module as for a hit; `executorFor(runtime)` implements it. */
  readonly runModule: (module: FetchedModule, call: DelegatedCall) => Promise<unknown>;
  /** How often the model is asked. Each further question says what was wrong with the last answer. 2 by default. */
  readonly attempts?: number | undefined;
  /** The longest source in characters; 262,144 by default. */
  readonly maxSource?: number | undefined;
}

const PARTS: allow.OptionRules<GenerationParts> = {
  prompt: allow.func,
  build: allow.func,
  describe: allow.func,
  check: allow.func,
  publisher: allow.part('publishModule'),
  registry: allow.part('fetch'),
  runModule: allow.func,
  attempts: allow.wholeNumber(1),
  maxSource: allow.wholeNumber(1),
};
const RULE = allow.required(PARTS, 'prompt', 'build', 'describe', 'publisher', 'registry', 'runModule');

/** The bytes that are kept of components that could not be published. */
const KEPT_BYTES = 64 * 2 ** 20;

/** The stage at which a generation failed. */
export type GenerationStage = 'generate' | 'build' | 'check' | 'publish';

/**
 * Answers calls for which no module exists yet: a model writes a component's source, which is built, checked, signed,
 * published and then run like any hit. Simultaneous misses with equal contexts are generated once, and each call then
 * runs with its own arguments. Give {@link askModel} to an `Executor`.
 */
export class GenerationPipeline {
  readonly #parts: GenerationParts;
  readonly #generations = new SharedCalls<ModuleRecord>();
  /**
   * Components that were built but not published, because the publisher failed. The next call need not ask the model
   * again.
   */
  readonly #unpublished = new LRUCache<string, Uint8Array>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ length }) => length + 1,
  });

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(parts: GenerationParts) {
    checkOptions(parts ?? null, RULE);
    this.#parts = parts;
  }

  /**
   * The `askModel` of an executor.
   * @throws {DelegationError} `DELEGATION_GENERATION_FAILED` with `details.stage`; what the model, the fetch and the
   * run throw
   */
  readonly askModel = async (provider: ModelProvider, model: string, call: DelegatedCall): Promise<unknown> => {
    const { registry, runModule } = this.#parts;
    const { id } = await this.generate(provider, model, call.context, call.signal);
    return runModule(await registry.fetch(id, call.signal), call);
  };

  /**
   * Lets the model write a component for the context and publishes it, once for all simultaneous callers.
   * @throws {DelegationError} `DELEGATION_GENERATION_FAILED`; what the model throws
   */
  async generate(
    provider: ModelProvider,
    model: string,
    context: CallContext,
    signal?: AbortSignal,
  ): Promise<ModuleRecord> {
    const question = this.#parts.prompt(context);
    // The question may depend on metadata, which the request's hash leaves out.
    const key = `${requestHash(context)} ${JSON.stringify([model, question])}`;
    return this.#generations.run(
      key,
      (stop) => this.#generate(key, (messages) => ask(provider, model, messages, stop), question, context, stop),
      signal,
    );
  }

  async #generate(
    key: string,
    ask: (messages: readonly ModelMessage[]) => Promise<string>,
    question: readonly ModelMessage[],
    context: CallContext,
    signal: AbortSignal,
  ): Promise<ModuleRecord> {
    const { attempts = 2 } = this.#parts;
    const kept = this.#unpublished.get(key);
    if (kept !== undefined) return this.#publish(key, kept, context, signal);
    let messages = question;
    for (let attempt = 1; ; attempt += 1) {
      const text = await ask(messages);
      try {
        const bytes = await this.#build(text, context, signal);
        return await this.#publish(key, bytes, context, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DelegationError) || error.details.stage === 'publish' || attempt >= attempts)
          throw error;
        const why = messageOf(error.cause ?? error);
        messages = [...question, { role: 'assistant', content: text }, { role: 'user', content: complaintOf(why) }];
      }
    }
  }

  async #build(text: string, context: CallContext, signal: AbortSignal): Promise<Uint8Array> {
    const { build, maxSource = 262_144 } = this.#parts;
    const source = sourceOf(text);
    if (source.trim() === '') throw failed('generate', 'the answer of the model contains no source');
    if (source.length > maxSource) {
      throw failed('generate', `the model answered ${source.length} characters, more than ${maxSource}`);
    }
    try {
      return await build(source, context, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw failed('build', `the model's answer does not build: ${messageOf(cause)}`, cause);
    }
  }

  async #publish(key: string, bytes: Uint8Array, context: CallContext, signal: AbortSignal): Promise<ModuleRecord> {
    const { publisher, describe, check } = this.#parts;
    const checking = check && ((module: GeneratedModule, stop: AbortSignal) => check(module, context, stop));
    let record: ModuleRecord;
    try {
      record = await publisher.publishModule(bytes, describe(context), { check: checking, signal });
    } catch (cause) {
      signal.throwIfAborted();
      if (isVivariumError(cause, 'REGISTRY_CHECK_FAILED') || isVivariumError(cause, 'REGISTRY_INVALID_MODULE')) {
        this.#unpublished.delete(key);
        throw failed('check', `the component does not do what it should: ${messageOf(cause)}`, cause);
      }
      this.#unpublished.set(key, bytes);
      throw failed('publish', `the component was built but cannot be published: ${messageOf(cause)}`, cause);
    }
    this.#unpublished.delete(key);
    if (record.interfaceHash !== context.interfaceHash) {
      const why = `module ${record.id} is of interface ${record.interfaceHash}, not ${context.interfaceHash}`;
      throw failed('publish', `${why}; build for the interface that the context names`);
    }
    return record;
  }
}

async function ask(
  provider: ModelProvider,
  model: string,
  messages: readonly ModelMessage[],
  signal: AbortSignal,
): Promise<string> {
  const { text } = await provider.complete({ model, messages }, signal);
  return text;
}

function failed(stage: GenerationStage, why: string, cause?: unknown): DelegationError {
  return new DelegationError('DELEGATION_GENERATION_FAILED', why, { cause, details: { stage } });
}
