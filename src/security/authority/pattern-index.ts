import { getOrMake } from '../get-or-make.ts';
import { HASH_START, hashOn, SegmentFilter } from './segment-filter.ts';
import { ANY, ONE, type PatternSegment } from './segment-pattern.ts';
import type { SegmentRule } from './segment-rule.ts';

/** A node in the tree of all patterns. Patterns with the same beginning share nodes. */
interface Place<T> {
  readonly number: number;
  readonly literals: Map<string, Place<T>>;
  one: Place<T> | undefined;
  any: Place<T> | undefined;
  /** A node that is reached through `**` stays reached whatever segment follows. */
  readonly stays: boolean;
  readonly values: T[];
}

/** The nodes that the segments read so far lead to, and what is known about the next segment. */
interface State<T> {
  readonly places: readonly Place<T>[];
  readonly values: readonly T[];
  /** The steps by the hash of the segment, only for segments that a pattern names. */
  readonly next: Map<number, Step<T>>;
  /** The nodes that name segments. */
  readonly naming: readonly Place<T>[];
  readonly names: boolean;
  /** The state after a segment that no pattern names here. */
  other: State<T> | undefined;
}

interface Step<T> {
  readonly segment: string;
  readonly to: State<T>;
  /** The step for another segment with the same hash. */
  readonly more: Step<T> | undefined;
}

/** The most states that are kept. Some patterns have very many; further states are computed anew each time. */
const MAX_STATES = 4_096;
/** The most recent targets whose answers are kept, and the most characters of such a target. Guests choose targets. */
const MAX_REMEMBERED = 1_024;
const MAX_REMEMBERED_LENGTH = 256;
/** The number of slots for the hashes of recent targets. */
const SEEN = 1_024;
const SEPARATOR = 0x2f;
const NONE: readonly never[] = [];

/**
 * Patterns, indexed by the segments of what they match, separated by `/`. The patterns form one automaton, and its
 * states are made when a target first leads to them. A look-up therefore takes time linear in the target, whatever the
 * number and form of the patterns. It allocates nothing: segments are hashed and compared in place.
 */
export class PatternIndex<T> {
  readonly #rule: SegmentRule;
  readonly #root: Place<T>;
  readonly #states = new Map<string, State<T>>();
  readonly #named = new SegmentFilter();
  readonly #dead: State<T>;
  #remembered: Map<string, readonly T[]> | undefined;
  #seen: Int32Array | undefined;
  #start: State<T> | undefined;
  #places = 0;

  constructor(rule: SegmentRule) {
    this.#rule = rule;
    this.#root = this.#place(false);
    this.#dead = makeState([]);
  }

  add(pattern: readonly PatternSegment[], value: T): void {
    let place = this.#root;
    for (const segment of pattern) {
      if (segment === ANY) place = place.any ??= this.#place(true);
      else if (segment === ONE) place = place.one ??= this.#place(false);
      else {
        place = getOrMake(place.literals, segment, () => this.#place(false));
        this.#named.add(segment);
      }
    }
    place.values.push(value);
    this.#forget();
  }

  /** Returns the values of all patterns that match the target. */
  match(target: string): readonly T[] {
    return this.#remembered?.get(target) ?? this.#walk(target, target.length);
  }

  #walk(target: string, length: number): readonly T[] {
    const { characters, mask } = this.#rule;
    const named = this.#named;
    let whole = HASH_START;
    let state = this.#start ?? this.#begin();
    let codes = 0;
    let allowed = 1;
    for (let from = 0; ; ) {
      let hash = HASH_START;
      let at = from;
      for (; at < length; at++) {
        const code = target.charCodeAt(at);
        if (code === SEPARATOR) break;
        hash = hashOn(hash, code);
        codes |= code;
        allowed &= characters[code & 0xff] as number;
      }
      let next: State<T> | undefined;
      if (state.names && named.mayHold(hash)) next = this.#nextNamed(state, target, from, at, hash);
      if (next === undefined) {
        // A wildcard may match a segment that no pattern names, if all its characters are allowed.
        if (allowed === 0 || codes > mask || !this.#rule.mayBe(target, from, at)) return NONE;
        next = state.other ?? this.#others(state);
      }
      whole = hashOn(whole, hash);
      if (at === length) return this.#remember(target, whole, next.values);
      if (next === this.#dead) return NONE;
      state = next;
      from = at + 1;
    }
  }

  /**
   * Keeps the answer for a target that came twice. Keeping answers for targets that come once would cost more than it
   * saves.
   */
  #remember(target: string, hash: number, values: readonly T[]): readonly T[] {
    this.#seen ??= new Int32Array(SEEN);
    const slot = hash & (SEEN - 1);
    if (this.#seen[slot] !== hash) this.#seen[slot] = hash;
    else if (target.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#remembered === undefined || this.#remembered.size >= MAX_REMEMBERED) this.#remembered = new Map();
      this.#remembered.set(target, values);
    }
    return values;
  }

  /** Returns the state after a segment that a pattern of the index names, if a pattern names it here. */
  #nextNamed(state: State<T>, target: string, from: number, to: number, hash: number): State<T> | undefined {
    for (let step = state.next.get(hash); step !== undefined; step = step.more) {
      if (isAt(target, from, to, step.segment)) return step.to;
    }
    return this.#step(state, target.slice(from, to), hash);
  }

  /** Returns the state after a segment that a pattern names here. It is made on first use. */
  #step(state: State<T>, segment: string, hash: number): State<T> | undefined {
    if (!state.naming.some(({ literals }) => literals.has(segment))) return undefined;
    const literals = state.naming.flatMap((place) => place.literals.get(segment) ?? []);
    const to = this.#state([...wildcardsOf(state), ...literals]);
    state.next.set(hash, { segment, to, more: state.next.get(hash) });
    return to;
  }

  /**
   * Returns the state after other segments. They are not kept by name, because guests choose targets and could fill the
   * memory.
   */
  #others(state: State<T>): State<T> {
    state.other = this.#state(wildcardsOf(state));
    return state.other;
  }

  #begin(): State<T> {
    this.#start = this.#state([this.#root]);
    return this.#start;
  }

  #state(reached: readonly Place<T>[]): State<T> {
    if (reached.length === 0) return this.#dead;
    const all = new Set(reached);
    for (const place of all) if (place.any !== undefined) all.add(place.any);
    const places = [...all].toSorted((a, b) => a.number - b.number);
    if (this.#states.size >= MAX_STATES) this.#forget();
    return getOrMake(this.#states, places.map(({ number }) => number).join(), () => makeState(places));
  }

  #forget(): void {
    this.#remembered = undefined;
    this.#states.clear();
    this.#start = undefined;
  }

  #place(stays: boolean): Place<T> {
    this.#places += 1;
    return {
      number: this.#places,
      literals: new Map(),
      one: undefined,
      any: undefined,
      stays,
      values: [],
    };
  }
}

function makeState<T>(places: readonly Place<T>[]): State<T> {
  const naming = places.filter(({ literals }) => literals.size > 0);
  return {
    places,
    values: places.flatMap(({ values }) => values),
    next: new Map(),
    naming,
    names: naming.length > 0,
    other: undefined,
  };
}

function isAt(target: string, from: number, to: number, segment: string): boolean {
  if (segment.length !== to - from) return false;
  for (let at = 0; at < segment.length; at++) {
    if (target.charCodeAt(from + at) !== segment.charCodeAt(at)) return false;
  }
  return true;
}

function wildcardsOf<T>({ places }: State<T>): Place<T>[] {
  return places.flatMap((place) => [...(place.stays ? [place] : []), ...(place.one === undefined ? [] : [place.one])]);
}
