import type { Action, Area } from '#core/ports/authority';
import type { Clock } from '#core/ports/clock';
import { SecurityError } from '../errors.ts';
import { getOrMake } from '../get-or-make.ts';
import { DEFAULT_RESOLUTION_NS, parseResolution } from './clock-resolution.ts';
import { covers, type Grant, type GrantInput, parseGrant } from './grant.ts';
import { endpointSegments, parseEndpoint } from './network-address.ts';
import { PatternIndex } from './pattern-index.ts';
import { segmentRule } from './segment-rule.ts';

/** Schemes of network grants that are, or may be, for sockets. */
const SOCKETS = new Set(['tcp', 'udp', '*', '**']);

/** A grant that somebody holds. */
interface Held {
  readonly grant: Grant;
  /** Whether only a revocation ends it. */
  readonly forGood: boolean;
  /** When it ends, on the monotonic clock, so that setting the wall clock back does not prolong it. */
  readonly deadline: number;
  /**
   * The grants from which it was narrowed. It is valid only as long as one of them. Empty when the embedder gave it.
   */
  readonly from: readonly Held[];
  /** Whether it was revoked or found expired. */
  ended: boolean;
}

/** The most endpoints of one action whose grants are kept. A component chooses the endpoints that it asks for. */
const MOST_MATCHED = 64;

/**
 * An indexed set of held grants. A set changes only by revocation. Adding grants makes a new set that shares the held
 * grants, so that all sets see a revocation in one.
 */
export class CapabilitySet {
  readonly #clock: Clock;
  readonly #held: readonly Held[];
  /** Hosts that grants for sockets name, for any port. */
  readonly #hosts = new PatternIndex<Held>(segmentRule('network'));
  readonly #matched = new Map<PatternIndex<Held>, Map<string, readonly Held[]>>();
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

  /** Returns this set with more grants of the embedder. */
  with(inputs: readonly GrantInput[]): CapabilitySet {
    return new CapabilitySet(this.#clock, [
      ...this.#held,
      ...inputs.flatMap(parseGrant).map((grant) => this.#hold(grant, [])),
    ]);
  }

  /**
   * Returns the grants to pass on. A held grant must cover each of them, and the new grant ends when that one ends or
   * is revoked.
   * @throws {SecurityError} `SECURITY_PERMISSION_DENIED` naming what is not held, `SECURITY_INVALID_GRANT`
   */
  narrow(inputs: readonly GrantInput[]): CapabilitySet {
    const passed = inputs.flatMap(parseGrant).map((grant) => {
      const from = this.#held.filter((held) => this.#lives(held) && covers(held.grant, grant));
      if (from.length > 0) return this.#hold(grant, from);
      throw new SecurityError(
        'SECURITY_PERMISSION_DENIED',
        `${grant.text} cannot be passed on, because no held grant covers it; pass on less, or obtain it first`,
        { details: { grant: grant.text } },
      );
    });
    return new CapabilitySet(this.#clock, passed);
  }

  /**
   * Revokes all grants written like this, from the next use on. Returns how many there were. @throws
   * `SECURITY_INVALID_GRANT`
   */
  revoke(input: GrantInput): number {
    const texts = new Set(parseGrant(input).map(({ text }) => text));
    const ended = this.#held.filter((held) => !held.ended && texts.has(held.grant.text));
    for (const held of ended) held.ended = true;
    return ended.length;
  }

  /** Whether a valid grant allows this. The target is resolved: it is neither a pattern nor an alias. */
  allows<A extends Area>(area: A, action: Action<A>, target: string): boolean {
    if (area === 'clock') return (parseResolution(target) ?? 0) >= this.clockResolutionNs();
    const index = this.#indexes.get(area)?.get(action);
    if (index === undefined) return false;
    if (area === 'network') return this.#someLives(this.#matching(index, target));
    // A folder is the same with and without a slash at its end.
    if (area === 'filesystem' && target.endsWith('/')) return this.#someLives(index.match(target.slice(0, -1)));
    return this.#someLives(index.match(target));
  }

  /** Whether a grant names the address of this endpoint (`scheme://address:port`). Private addresses need that. */
  allowsAddress(endpoint: string, action: Action<'network'> = 'connect'): boolean {
    const index = this.#indexes.get('network')?.get(action);
    if (index === undefined) return false;
    return this.#matching(index, endpoint).some((held) => held.grant.namesAddress && this.#lives(held));
  }

  /** Whether any valid grant is for this action, whatever its targets are. */
  holds<A extends Area>(area: A, action: Action<A>): boolean {
    return this.#held.some((held) => held.grant.area === area && held.grant.action === action && this.#lives(held));
  }

  /** Whether a grant for sockets names this host, with any port. */
  allowsName(host: string): boolean {
    const endpoint = parseEndpoint(`tcp://${host}:1`);
    return endpoint !== undefined && this.#someLives(this.#hosts.match(endpointSegments(endpoint).slice(2).join('/')));
  }

  /** The resolution to which clocks are rounded: the finest that is granted, or one millisecond. */
  clockResolutionNs(): number {
    let finest = DEFAULT_RESOLUTION_NS;
    for (const held of this.#indexes.get('clock')?.get('resolution')?.match('') ?? []) {
      const { resolutionNs } = held.grant;
      if (resolutionNs !== undefined && resolutionNs < finest && this.#lives(held)) finest = resolutionNs;
    }
    return finest;
  }

  /** The normal form of every valid grant, in order, each once. */
  list(): readonly string[] {
    return [...new Set(this.#held.filter((held) => this.#lives(held)).map(({ grant }) => grant.text))].toSorted();
  }

  /** The held grants whose patterns match an endpoint. They stay the same for a set, so those of the last endpoints are kept. */
  #matching(index: PatternIndex<Held>, endpoint: string): readonly Held[] {
    const kept = this.#matched.get(index) ?? new Map<string, readonly Held[]>();
    const known = kept.get(endpoint);
    if (known !== undefined) return known;
    if (kept.size >= MOST_MATCHED) kept.clear();
    const found = matchEndpoint(index, endpoint);
    this.#matched.set(index, kept.set(endpoint, found));
    return found;
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
      // An expired grant stays ended, even when the wall clock is set back.
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
  // Port 0 stands for any free port. A grant for any port allows it.
  const endpoint = parseEndpoint(target, 0);
  return endpoint === undefined ? [] : index.match(endpointSegments(endpoint).join('/'));
}
