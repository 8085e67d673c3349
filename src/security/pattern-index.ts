import { ANY, ONE, type PatternSegment } from './segment-pattern.ts';

/** Whether a wildcard may stand for the segment of `target` from `from` to before `to`. */
export type SegmentRule = (target: string, from: number, to: number) => boolean;

/** A place in the tree of all patterns. Patterns that begin alike share their places. */
interface Place<T> {
  readonly number: number;
  readonly literals: Map<string, Place<T>>;
  one: Place<T> | undefined;
  any: Place<T> | undefined;
  /** Reached through `**`: stays reached whatever segment follows. */
  readonly stays: boolean;
  readonly values: T[];
}

/** The places that the segments read so far lead to, and what is known about the next segment. */
interface State<T> {
  readonly places: readonly Place<T>[];
  readonly values: readonly T[];
  /** By segment; only those that a pattern names. */
  readonly next: Map<string, State<T>>;
  /** The places that name segments. */
  readonly naming: readonly Place<T>[];
  /** After a segment that no pattern names here. */
  other: State<T> | undefined;
}

/** Sets of places that are remembered. Patterns can be made to have very many; past this they are worked out anew. */
const MAX_STATES = 4_096;
/** Targets whose answer is remembered whole, and how long they may be: guests choose them. */
const MAX_REMEMBERED = 1_024;
const MAX_REMEMBERED_LENGTH = 256;
const SEPARATOR = '/';

/**
 * Patterns by the segments, separated by `/`, of what they match. The patterns are read as one automaton whose states are
 * made when a target first leads there: a look-up takes time linear in the target however many patterns there are and
 * whatever they look like. Answers for the targets of late are remembered, so that most look-ups are one map access.
 */
export class PatternIndex<T> {
  readonly #mayMatch: SegmentRule;
  readonly #root: Place<T>;
  readonly #states = new Map<string, State<T>>();
  readonly #remembered = new Map<string, readonly T[]>();
  readonly #dead: State<T>;
  #start: State<T> | undefined;
  #places = 0;

  constructor(mayMatch: SegmentRule) {
    this.#mayMatch = mayMatch;
    this.#root = this.#place(false);
    this.#dead = makeState([]);
  }

  add(pattern: readonly PatternSegment[], value: T): void {
    let place = this.#root;
    for (const segment of pattern) {
      if (segment === ANY) place = place.any ??= this.#place(true);
      else if (segment === ONE) place = place.one ??= this.#place(false);
      else place = getOrMake(place.literals, segment, () => this.#place(false));
    }
    place.values.push(value);
    this.#remembered.clear();
    this.#forget();
  }

  /** The values of all patterns that match the target. */
  match(target: string): readonly T[] {
    const remembered = this.#remembered.get(target);
    if (remembered !== undefined) return remembered;
    const values = this.#walk(target);
    if (target.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
      this.#remembered.set(target, values);
    }
    return values;
  }

  #walk(target: string): readonly T[] {
    let state = this.#start ?? this.#begin();
    let from = 0;
    for (;;) {
      const found = target.indexOf(SEPARATOR, from);
      const to = found === -1 ? target.length : found;
      state = this.#next(state, target, from, to);
      if (found === -1 || state === this.#dead) return state.values;
      from = to + 1;
    }
  }

  #next(state: State<T>, target: string, from: number, to: number): State<T> {
    if (state.naming.length > 0) {
      const segment = target.slice(from, to);
      const named = state.next.get(segment) ?? this.#named(state, segment);
      if (named !== undefined) return named;
    }
    return this.#mayMatch(target, from, to) ? (state.other ?? this.#others(state)) : this.#dead;
  }

  /** The state after a segment that a pattern names here, made at its first use. */
  #named(state: State<T>, segment: string): State<T> | undefined {
    if (!state.naming.some(({ literals }) => literals.has(segment))) return undefined;
    const literals = state.naming.flatMap((place) => place.literals.get(segment) ?? []);
    const next = this.#state([...wildcardsOf(state), ...literals]);
    state.next.set(segment, next);
    return next;
  }

  /** What no pattern names is not remembered by name: guests choose targets, and could fill the memory with them. */
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
  return {
    places,
    values: places.flatMap(({ values }) => values),
    next: new Map(),
    naming: places.filter(({ literals }) => literals.size > 0),
    other: undefined,
  };
}

function wildcardsOf<T>({ places }: State<T>): Place<T>[] {
  return places.flatMap((place) => [...(place.stays ? [place] : []), ...(place.one === undefined ? [] : [place.one])]);
}

/** The value of a key, made and kept where there is none. */
export function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
