import type { Clock, StopTimer } from '#core/ports/clock';
import { getOrMake } from './get-or-make.ts';

export interface FoldingOptions {
  readonly clock: Clock;
  /** Milliseconds over which equal ones become one; default 10,000. */
  readonly windowMs?: number | undefined;
  /** Different kinds of one component that are told one by one in a window; default 20. */
  readonly maxDistinct?: number | undefined;
}

/** What is told of what was folded. */
export interface FoldedReader<T> {
  /** The first of its kind in a window, at once. */
  first(item: T): void;
  /** At the window's end: how often the kind came again. */
  again(item: T, count: number): void;
  /** At the window's end: how many came of further kinds, and the last of them. */
  further(last: T, count: number): void;
}

/** What one component did in a window. */
interface Window<T> {
  readonly seen: Map<string, { readonly item: T; again: number }>;
  further: number;
  last: T | undefined;
}

/**
 * Keeps a guest from flooding whoever is told of what it can bring about at will. The first of a kind is told at once; the
 * rest of the window's are counted and told as one at its end, and so are those of further kinds once there were many: of
 * one component at most `2 * maxDistinct + 1` in a window.
 */
export class Folding<T> {
  readonly #reader: FoldedReader<T>;
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxDistinct: number;
  readonly #windows = new Map<string, Window<T>>();
  #stop: StopTimer | undefined;

  constructor(reader: FoldedReader<T>, { clock, windowMs = 10_000, maxDistinct = 20 }: FoldingOptions) {
    this.#reader = reader;
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxDistinct = maxDistinct;
  }

  add(component: string, kind: string, item: T): void {
    const window = getOrMake(this.#windows, component, newWindow<T>);
    this.#stop ??= this.#clock.after(this.#windowMs, () => this.end());
    const known = window.seen.get(kind);
    if (known !== undefined) known.again += 1;
    else if (window.seen.size >= this.#maxDistinct) {
      window.further += 1;
      window.last = item;
    } else {
      window.seen.set(kind, { item, again: 0 });
      this.#reader.first(item);
    }
  }

  /** Ends the window now, and tells what was counted. */
  end(): void {
    this.#stop?.();
    this.#stop = undefined;
    const windows = [...this.#windows.values()];
    this.#windows.clear();
    for (const { seen, further, last } of windows) {
      for (const { item, again } of seen.values()) if (again > 0) this.#reader.again(item, again);
      if (last !== undefined) this.#reader.further(last, further);
    }
  }
}

function newWindow<T>(): Window<T> {
  return { seen: new Map(), further: 0, last: undefined };
}
