import type { Action, Area } from '#core/ports/authority';
import type { Clock } from '#core/ports/clock';
import { SecurityError } from '../errors.ts';
import { getOrMake } from '../get-or-make.ts';
import { DEFAULT_RESOLUTION_NS, parseResolution } from './clock-resolution.ts';
import { covers, type Grant, type GrantInput, parseGrant } from './grant.ts';
import { endpointSegments, parseEndpoint } from './network-address.ts';
import { PatternIndex } from './pattern-index.ts';
import { segmentRule } from './segment-rule.ts';

/** Schemes of network grants that are, or may be, about sockets. */
const SOCKETS = new Set(['tcp', 'udp', '*', '**']);

/** A grant in somebody's hands. */
interface Held {
  readonly grant: Grant;
  /** Whether nothing but revocation ends it. */
  readonly forGood: boolean;
  /** When it ends by the clock that only goes forward, so that setting the wall clock back prolongs nothing. */
  readonly deadline: number;
  /** What it was narrowed from; it lives only as long as one of these. Empty: it was given by the embedder. */
  readonly from: readonly Held[];
  /** Revoked, or found expired. */
  ended: boolean;
}

/**
 * Grants in somebody's hands, indexed. Sets are not changed but for revocation: more grants make another set, which
 * shares what this one holds, so that revoking in one is seen by all.
 */
export class CapabilitySet {
  readonly #clock: Clock;
  readonly #held: readonly Held[];
  /** Hosts that grants for sockets name, whatever the port. */
  readonly #hosts = new PatternIndex<Held>(segmentRule('network'));
  readonly #indexes = new Map<Area, Map<Action, PatternIndex<Held>>>();

  private constructor(clock: Clock, held: readonly Held[]) {
    this.#clock = clock;
    this.#held = held;
    for (const each of held) {
      const { area, action, segments } = each.grant;
      this.#index(area, action).add(segments, each);
      if (area === 'network' && SOCKETS.has(segments[0] ?? '')) {
        this.#hosts.add(segments[0] === '**' ? segments : segments.slice(2), each);
      }
    }
  }

  /** @throws {SecurityError} `SECURITY_INVALID_GRANT` */
  static of(inputs: readonly GrantInput[], clock: Clock): CapabilitySet {
    return new CapabilitySet(clock, []).with(inputs);
  }

  /** This set and more grants of the embedder's. */
  with(inputs: readonly GrantInput[]): CapabilitySet {
    return new CapabilitySet(this.#clock, [
      ...this.#held,
      ...inputs.flatMap(parseGrant).map((grant) => this.#hold(grant, [])),
    ]);
  }

  /**
   * What may be passed on: each grant must be covered by one that is held, and ends when that ends or is revoked.
   * @throws {SecurityError} `SECURITY_PERMISSION_DENIED` naming what is not held, `SECURITY_INVALID_GRANT`
   */
  narrow(inputs: readonly GrantInput[]): CapabilitySet {
    const passed = inputs.flatMap(parseGrant).map((grant) => {
      const from = this.#held.filter((held) => this.#lives(held) && covers(held.grant, grant));
      if (from.length > 0) return this.#hold(grant, from);
      throw new SecurityError(
        'SECURITY_PERMISSION_DENIED',
        `${grant.text} cannot be passed on: no grant that is held covers it; ask for less, or hold it first`,
        { details: { grant: grant.text } },
      );
    });
    return new CapabilitySet(this.#clock, passed);
  }

  /** Ends all grants written like this, from the next use on; answers how many. @throws `SECURITY_INVALID_GRANT` */
  revoke(input: GrantInput): number {
    const texts = new Set(parseGrant(input).map(({ text }) => text));
    const ended = this.#held.filter((held) => !held.ended && texts.has(held.grant.text));
    for (const held of ended) held.ended = true;
    return ended.length;
  }

  /** Whether a grant that is neither expired nor revoked allows this. The target is resolved: no pattern, no alias. */
  allows<A extends Area>(area: A, action: Action<A>, target: string): boolean {
    if (area === 'clock') return (parseResolution(target) ?? 0) >= this.clockResolutionNs();
    const index = this.#indexes.get(area)?.get(action);
    if (index === undefined) return false;
    if (area === 'network') return this.#someLives(matchEndpoint(index, target));
    // A folder is the same with and without the slash behind it.
    if (area === 'filesystem' && target.endsWith('/')) return this.#someLives(index.match(target.slice(0, -1)));
    return this.#someLives(index.match(target));
  }

  /** Whether a grant names the address of this endpoint (`scheme://address:port`): private ones need that. */
  allowsAddress(endpoint: string): boolean {
    const index = this.#indexes.get('network')?.get('connect');
    if (index === undefined) return false;
    return matchEndpoint(index, endpoint).some((held) => held.grant.namesAddress && this.#lives(held));
  }

  /** Whether a grant for sockets names this host, with any port. */
  allowsName(host: string): boolean {
    const endpoint = parseEndpoint(`tcp://${host}:1`);
    return endpoint !== undefined && this.#someLives(this.#hosts.match(endpointSegments(endpoint).slice(2).join('/')));
  }

  /** What clocks may be rounded to: the finest that is granted, or one millisecond. */
  clockResolutionNs(): number {
    let finest = DEFAULT_RESOLUTION_NS;
    for (const held of this.#indexes.get('clock')?.get('resolution')?.match('') ?? []) {
      const { resolutionNs } = held.grant;
      if (resolutionNs !== undefined && resolutionNs < finest && this.#lives(held)) finest = resolutionNs;
    }
    return finest;
  }

  /** The normal form of every grant that counts now, in order, each once. */
  list(): readonly string[] {
    return [...new Set(this.#held.filter((held) => this.#lives(held)).map(({ grant }) => grant.text))].toSorted();
  }

  #someLives(found: readonly Held[]): boolean {
    for (let at = 0; at < found.length; at++) if (this.#lives(found[at] as Held)) return true;
    return false;
  }

  #lives(held: Held): boolean {
    if (held.ended) return false;
    if (held.forGood) return true;
    const { expiresAt } = held.grant;
    if (expiresAt !== undefined && (this.#clock.monotonic() >= held.deadline || this.#clock.now() >= expiresAt)) {
      // For good: setting the wall clock back does not bring it back.
      held.ended = true;
      return false;
    }
    return held.from.length === 0 || this.#someLives(held.from);
  }

  #hold(grant: Grant, from: readonly Held[]): Held {
    const left = grant.expiresAt === undefined ? Number.POSITIVE_INFINITY : grant.expiresAt - this.#clock.now();
    const forGood = grant.expiresAt === undefined && from.length === 0;
    return { grant, forGood, deadline: this.#clock.monotonic() + left, from, ended: false };
  }

  #index(area: Area, action: Action): PatternIndex<Held> {
    const actions = getOrMake(this.#indexes, area, () => new Map<Action, PatternIndex<Held>>());
    return getOrMake(actions, action, () => new PatternIndex<Held>(segmentRule(area)));
  }
}

function matchEndpoint(index: PatternIndex<Held>, target: string): readonly Held[] {
  const endpoint = parseEndpoint(target);
  return endpoint === undefined ? [] : index.match(endpointSegments(endpoint).join('/'));
}
