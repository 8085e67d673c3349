// What the stages share. Back-pressure by credit: a stage sends as many items as the next one has asked for, and asks
// the one before for more as it finishes some. So at most WINDOW items are between two stages, whoever is slow.
import { send } from 'vivarium/guest';

export const WINDOW = 8;
export const STAGES = { source: 'pipeline/source/1', square: 'pipeline/square/1', sum: 'pipeline/sum/1' } as const;

/** Sends items as far as the next stage has asked for them, and keeps the rest. */
export class Output {
  readonly #next: string;
  readonly #kept: unknown[] = [];
  #credit = 0;

  constructor(next: string) {
    this.#next = next;
  }

  get credit(): number {
    return this.#credit;
  }

  grant(items: number): void {
    this.#credit += items;
    while (this.#credit > 0 && this.#kept.length > 0) this.put(this.#kept.shift());
  }

  put(item: unknown): void {
    if (this.#credit === 0) this.#kept.push(item);
    else {
      this.#credit -= 1;
      send(this.#next, { item });
    }
  }
}

/** Asks the stage before for one more item. */
export function askFor(stage: string, items: number): void {
  send(stage, { grant: items });
}
