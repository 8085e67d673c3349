import type { Clock, StopTimer } from '#core/ports/clock';
import { getOrMake } from './get-or-make.ts';

export interface FoldingOptions {
  readonly clock: Clock;
  /** The milliseconds over which equal events are joined; default 10,000. */
  readonly windowMs?: number | undefined;
  /** How many kinds of events of one component are reported one by one in a window; default 20. */
  readonly maxDistinct?: number | undefined;
}

/** Receives the reports. */
export interface FoldedReader<T> {
  /** The first event of its kind in a window, at once. */
  first(item: T): void;
  /** At the window's end: how often the kind came again. */
  again(item: T, count: number): void;
  /** At the window's end: how many events of further kinds came, and the last of them. */
  further(last: T, count: number): void;
}

/** The events of one component in a window. */
interface Window<T> {
  readonly seen: Map<string, { readonly item: T; again: number }>;
  further: number;
  last: T | undefined;
}

/**
 * Keeps a guest from flooding the readers of events that it can cause at will. The first event of a kind is reported at
 * once. Further ones in the window are counted and reported as one at its end, and so are events of further kinds once
 * there were many. This makes at most `2 * maxDistinct + 1` reports for a component in a window.
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

  /** Ends the window now, and reports what was counted. */
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
