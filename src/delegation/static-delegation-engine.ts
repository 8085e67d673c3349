import { LRUCache } from 'lru-cache';
import { allow, checkOptions } from '#core/options';
import type { Clock } from '#core/ports/clock';
import { type CallContext, checkContext, type DecisionContext, decisionKey } from './call-context.ts';
import type { DelegationEngine, ExecTarget } from './delegation-engine.ts';

export interface StaticDelegationOptions {
  /** The targets by function symbol. */
  readonly targets: Readonly<Record<string, ExecTarget>>;
  /** Called for symbols without a target. Its answer is memoised, so it must depend only on its argument. */
  readonly policy?: ((context: DecisionContext) => ExecTarget | undefined) | undefined;
  /** The target of all other calls. */
  readonly otherwise: ExecTarget;
  readonly clock: Clock;
  /** The number of decisions that are kept; 10,000 by default. */
  readonly memoSize?: number | undefined;
  /** The milliseconds for which a decision is kept; five minutes by default. */
  readonly memoMs?: number | undefined;
}

const target = allow.rule(
  'a target, as { kind: "LocalPure" }',
  (value) => typeof value === 'object' && value !== null && typeof Reflect.get(value, 'kind') === 'string',
);
const STATIC: allow.OptionRules<StaticDelegationOptions> = {
  targets: allow.each(target),
  policy: allow.func,
  otherwise: target,
  clock: allow.part('monotonic'),
  memoSize: allow.wholeNumber(1),
  memoMs: allow.period,
};
const RULE = allow.required(STATIC, 'targets', 'otherwise', 'clock');

export interface MemoStatistics {
  readonly hits: number;
  readonly misses: number;
  readonly size: number;
}

/** Decides by a table and a policy function, and remembers its decisions. */
export class StaticDelegationEngine implements DelegationEngine {
  readonly #targets: ReadonlyMap<string, ExecTarget>;
  readonly #options: StaticDelegationOptions;
  readonly #memo: LRUCache<string, ExecTarget>;
  #hits = 0;
  #misses = 0;

  /** @throws {CoreError} `CORE_INVALID_OPTION` */
  constructor(options: StaticDelegationOptions) {
    checkOptions(options ?? null, RULE);
    this.#options = options;
    this.#targets = new Map(Object.entries(options.targets));
    this.#memo = new LRUCache({
      max: options.memoSize ?? 10_000,
      ttl: options.memoMs ?? 300_000,
      ttlResolution: 0,
      // The cache takes an entry made at time 0 for one without a time.
      perf: { now: () => options.clock.monotonic() + 1 },
    });
  }

  /** @throws {DelegationError} `DELEGATION_INVALID_CONTEXT` */
  async decide(context: CallContext): Promise<ExecTarget> {
    checkContext(context);
    const key = decisionKey(context);
    const known = this.#memo.get(key);
    if (known !== undefined) {
      this.#hits += 1;
      return known;
    }
    this.#misses += 1;
    const target = this.#targets.get(context.fnSymbol) ?? this.#options.policy?.(context) ?? this.#options.otherwise;
    // A module may be revoked at any time, so a hit is decided anew for every call.
    if (target.kind !== 'L4CacheHit') this.#memo.set(key, target);
    return target;
  }

  statistics(): MemoStatistics {
    return { hits: this.#hits, misses: this.#misses, size: this.#memo.size };
  }

  /** Drops all decisions, for use when the policy changed. */
  forget(): void {
    this.#memo.clear();
  }
}
