import { isVivariumError, type VivariumError } from '#core/errors';
import { allow, checkOptions } from '#core/options';
import type { ModuleRegistry } from '#core/ports/registry';
import { type CallContext, checkContext } from './call-context.ts';
import type { DelegationEngine, ExecTarget } from './delegation-engine.ts';

export interface RegistryAwareOptions {
  /** The least cosine similarity of a hit; the registry's default is 0.95. */
  readonly threshold?: number | undefined;
  /** The embedder that makes the contexts' semantic hashes. */
  readonly embedderId?: string | undefined;
  /** The imports that are available where the call would run. A module that needs another import is not a hit. */
  readonly provided?: readonly string[] | undefined;
  /** Called when the registry cannot be reached. This counts as a miss, because the registry is a cache. */
  readonly unavailable?: ((error: VivariumError) => void) | undefined;
}

const AWARE: allow.OptionRules<RegistryAwareOptions> = {
  threshold: allow.between(-1, 1),
  embedderId: allow.text,
  provided: allow.listOf(allow.text),
  unavailable: allow.func,
};
const RULE = allow.options(AWARE);

/** Queries the registry first, and asks another engine only on a miss. */
export class RegistryAwareDelegationEngine implements DelegationEngine {
  readonly #registry: ModuleRegistry;
  readonly #inner: DelegationEngine;
  readonly #options: RegistryAwareOptions;

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(registry: ModuleRegistry, inner: DelegationEngine, options: RegistryAwareOptions = {}) {
    checkOptions(options, RULE);
    this.#registry = registry;
    this.#inner = inner;
    this.#options = options;
  }

  /** @throws what the registry or the inner engine throws, except `REGISTRY_UNAVAILABLE` */
  async decide(context: CallContext): Promise<ExecTarget> {
    checkContext(context);
    return (await this.#hit(context)) ?? this.#inner.decide(context);
  }

  async #hit({ interfaceHash, semanticHash }: CallContext): Promise<ExecTarget | undefined> {
    // The newest module of an interface may do something else entirely, so a meaning is required here.
    if (semanticHash === undefined) return undefined;
    const { threshold, embedderId, provided, unavailable } = this.#options;
    try {
      const matches = await this.#registry.query({
        interfaceHash,
        embedding: semanticHash,
        embedderId,
        threshold,
        provided,
        limit: 1,
      });
      const [best] = matches;
      if (best?.similarity === undefined) return undefined;
      const { id: moduleId, storagePointer, signature } = best.record;
      return { kind: 'L4CacheHit', moduleId, storagePointer, signature, similarity: best.similarity };
    } catch (error) {
      if (!isVivariumError(error, 'REGISTRY_UNAVAILABLE')) throw error;
      unavailable?.(error);
      return undefined;
    }
  }
}
