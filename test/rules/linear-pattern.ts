/*
 * Decides whether a backtracking matcher takes at most linear time for a pattern, from the pattern alone: no text is
 * matched and no clock is read. The pattern becomes a position automaton (Glushkov). A matcher that fails has walked all
 * of its paths, so what counts is in how many ways a text can be walked (Weber and Seidl, "On the degree of ambiguity of
 * finite automata", 1991):
 *
 * - exponentially many when a position can come back to itself by one text in two ways;
 * - polynomially many when two positions p and q share a text that leads from p to p, from p to q, and from q to q.
 *
 * A pattern that is not tied to the beginning is tried from every place of the text: a loop over any character stands
 * before it. The answer errs on the side of refusing: assertions count as nothing, many repetitions as any number, and
 * whatever comes behind is taken to be able to fail.
 */

interface Position {
  /** Indices of the samples that it matches. */
  samples: ReadonlySet<number>;
  /** How many ways lead from here to another position. */
  readonly next: Map<number, number>;
}

/** A part of the pattern: where it can begin and end, and whether it can be left out. */
interface Part {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly nullable: boolean;
  /** Whether nothing can come before it, or behind it. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

const NOTHING: Part = { first: [], last: [], nullable: true, atStart: false, atEnd: false };
/** Characters that stand for all: what tells the classes of our patterns apart is among them. */
const SAMPLES = [
  ...Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)),
  ...['\u061c', '\u200e', '\u2028', '\u202e', '\u2066', '\ufeff', 'Ω', '漢', 'K'],
];
/** As many repetitions are written out; more count as any number. */
const MOST_WRITTEN = 3;
const PREFIX = 0;
const NEWLINE = 1;

/** Why a pattern may take more than linear time, or undefined when it takes at most that. */
export function superlinear(source: string, flags: string): string | undefined {
  let automaton: Automaton;
  try {
    automaton = new Automaton(source, flags);
  } catch (error) {
    return `not decided: ${(error as Error).message}`;
  }
  if (automaton.isExponential()) return 'exponential';
  return automaton.isPolynomial() ? 'polynomial' : undefined;
}

class Automaton {
  readonly #source: string;
  readonly #flags: string;
  readonly #positions: Position[] = [];
  /** Positions at which the whole pattern has matched, whatever follows. */
  readonly #accepting: ReadonlySet<number>;
  #at = 0;

  constructor(source: string, flags: string) {
    this.#source = source;
    this.#flags = flags;
    const any = new Set(SAMPLES.keys());
    this.#positions.push({ samples: any, next: new Map() });
    this.#positions.push({ samples: new Set([SAMPLES.indexOf('\n')]), next: new Map() });
    const whole = this.#alternatives();
    if (this.#at < source.length) throw new Error(`a ${source[this.#at]} too many`);
    this.#accepting = new Set(whole.atEnd ? [] : whole.last);
    this.#keepOneOfEachKind();
    const isTied = whole.atStart;
    if (isTied && !flags.includes('m')) return;
    // Tried from every place, or from behind every line feed.
    this.#join([PREFIX], [PREFIX]);
    if (isTied) this.#join([PREFIX], [NEWLINE]);
    this.#join([isTied ? NEWLINE : PREFIX], whole.first);
  }

  /** Leaves one sample of all that the same positions match: no walk tells these apart. */
  #keepOneOfEachKind(): void {
    const kinds = new Map<string, number>();
    for (const sample of SAMPLES.keys()) {
      const matching = this.#positions.flatMap(({ samples }, index) => (samples.has(sample) ? [index] : []));
      kinds.set(matching.join(), sample);
    }
    const kept = new Set(kinds.values());
    for (const position of this.#positions) position.samples = position.samples.intersection(kept);
  }

  isExponential(): boolean {
    return this.#positions.some((_, start) => {
      const pairs = new Walk(([a = 0, b = 0]) => this.#steps(a, b));
      for (const [a, b] of pairs.from([start, start])) {
        const parts = a !== b || [...this.#positions[start]!.next].some(([to, ways]) => to === a && ways > 1);
        if (parts && pairs.leads([a as number, b as number], [start, start])) return true;
      }
      return false;
    });
  }

  isPolynomial(): boolean {
    const triples = new Walk(([a = 0, b = 0, c = 0]) => this.#steps(a, b, c));
    return this.#positions.some((_, p) =>
      this.#positions.some((_, q) => {
        // A search that has matched does not begin again at the next place.
        if (p === q || (p === PREFIX && this.#accepting.has(q))) return false;
        return triples.leads([p, p, q], [p, q, q]);
      }),
    );
  }

  /** Where walkers come that each take one step by the same character. */
  #steps(...walkers: readonly number[]): number[][] {
    return walkers
      .reduce<{ to: number[]; samples: ReadonlySet<number> }[]>(
        (found, from) =>
          found.flatMap(({ to, samples }) =>
            [...this.#positions[from]!.next.keys()].flatMap((next) => {
              const both = samples.intersection(this.#positions[next]!.samples);
              return both.size === 0 ? [] : [{ to: [...to, next], samples: both }];
            }),
          ),
        [{ to: [], samples: this.#positions[PREFIX]!.samples }],
      )
      .map(({ to }) => to);
  }

  #join(from: readonly number[], to: readonly number[]): void {
    for (const one of from) {
      const { next } = this.#positions[one]!;
      for (const other of to) next.set(other, (next.get(other) ?? 0) + 1);
    }
  }

  #alternatives(): Part {
    let all = this.#sequence();
    while (this.#take('|')) {
      const other = this.#sequence();
      all = {
        first: [...all.first, ...other.first],
        last: [...all.last, ...other.last],
        nullable: all.nullable || other.nullable,
        atStart: all.atStart && other.atStart,
        atEnd: all.atEnd || other.atEnd,
      };
    }
    return all;
  }

  #sequence(): Part {
    let part = NOTHING;
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at]!))
      part = this.#then(part, this.#term());
    return part;
  }

  #then(a: Part, b: Part): Part {
    this.#join(a.last, b.first);
    return {
      first: a.nullable ? [...a.first, ...b.first] : a.first,
      last: b.nullable ? [...a.last, ...b.last] : b.last,
      nullable: a.nullable && b.nullable,
      atStart: a.atStart || (a.first.length === 0 && b.atStart),
      atEnd: b.atEnd || (b.nullable && a.atEnd),
    };
  }

  /** An atom with its quantifier. The atom is read again for each repetition that is written out. */
  #term(): Part {
    const start = this.#at;
    const once = this.#atom();
    const quantifier = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#at));
    if (quantifier === null) return once;
    const [text, least = '', comma, most = ''] = quantifier;
    const end = this.#at + text.length;
    const min = Number(least || (text.startsWith('+') ? 1 : 0));
    const max = comma === '' ? min : text.startsWith('?') ? 1 : Number(most || Number.POSITIVE_INFINITY);
    if (once.first.length === 0) throw new Error('an assertion is repeated');
    const again = (): Part => {
      this.#at = start;
      return this.#atom();
    };
    const written = Math.min(min, MOST_WRITTEN);
    let part = written === 0 ? NOTHING : once;
    for (let n = 1; n < written; n++) part = this.#then(part, again());
    if (max > MOST_WRITTEN) part = this.#then(part, this.#star(written === 0 ? once : again()));
    else {
      const optional = Array.from({ length: max - written }, (_, n) => (n === 0 && written === 0 ? once : again()));
      const rest = optional.reduceRight((inner, one) => ({ ...this.#then(one, inner), nullable: true }), NOTHING);
      part = this.#then(part, rest);
    }
    this.#at = end;
    return part;
  }

  #star(part: Part): Part {
    this.#join(part.last, part.first);
    return { ...part, nullable: true, atStart: false, atEnd: false };
  }

  #atom(): Part {
    if (this.#take('^')) return { ...NOTHING, atStart: true };
    if (this.#take('$')) return { ...NOTHING, atEnd: true };
    if (this.#take('\\b') || this.#take('\\B')) return { ...NOTHING, atEnd: true };
    const look = /^\(\?<?[=!]/.exec(this.#source.slice(this.#at))?.[0];
    if (look !== undefined) return this.#assertion(look);
    if (this.#take('(')) {
      const name = /^\?(?::|<\w+>)/.exec(this.#source.slice(this.#at))?.[0] ?? '';
      this.#at += name.length;
      const part = this.#alternatives();
      if (!this.#take(')')) throw new Error('a group is not closed');
      return part;
    }
    return this.#character();
  }

  /** Counts as nothing; inside it nothing may be repeated. */
  #assertion(opening: string): Part {
    this.#at += opening.length;
    const start = this.#at;
    this.#alternatives();
    if (/[*+{]/.test(this.#source.slice(start, this.#at))) throw new Error('an assertion repeats something');
    if (!this.#take(')')) throw new Error('a group is not closed');
    return { ...NOTHING, atEnd: true };
  }

  #character(): Part {
    const rest = this.#source.slice(this.#at);
    const found = /^(?:\[(?:[^\]\\]|\\.)*\]|\\(?:x..|u\{\w+\}|u....|[pP]\{[^}]+\}|[^\dk])|[^\\[\](){}*+?])/su.exec(
      rest,
    )?.[0];
    if (found === undefined) throw new Error(`${rest.slice(0, 4)} is not understood`);
    this.#at += found.length;
    const matches = new RegExp(`^(?:${found})$`, this.#flags.replaceAll(/[gm]/g, ''));
    const samples = new Set(SAMPLES.flatMap((sample, index) => (matches.test(sample) ? [index] : [])));
    if (samples.size === 0) throw new Error(`no sample is matched by ${found}`);
    const position = this.#positions.push({ samples, next: new Map() }) - 1;
    return { first: [position], last: [position], nullable: false, atStart: false, atEnd: false };
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }
}

/** Walks a graph of tuples of positions, each node once for a start. */
class Walk {
  readonly #steps: (node: readonly number[]) => readonly number[][];

  constructor(steps: (node: readonly number[]) => readonly number[][]) {
    this.#steps = steps;
  }

  /** Nodes that at least one step leads to. */
  *from(start: readonly number[]): Generator<readonly number[]> {
    const seen = new Set<string>();
    const waiting: (readonly number[])[] = [start];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      for (const next of this.#steps(node)) {
        const key = next.join();
        if (seen.has(key)) continue;
        seen.add(key);
        yield next;
        waiting.push(next);
      }
    }
  }

  leads(start: readonly number[], end: readonly number[]): boolean {
    const key = end.join();
    for (const node of this.from(start)) if (node.join() === key) return true;
    return false;
  }
}
