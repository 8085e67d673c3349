import { type ComponentHandle, formatComponentId } from '#core';
import type { Clock } from '#core/ports/clock';
import type { Runtime } from '#system';

/** A line of a component's log with its time. */
export interface LogLine {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly channel: string;
  readonly message: string;
}

/** What the monitor has seen of one component. */
interface Seen {
  readonly lines: LogLine[];
  restarts: number;
}

const MOST_LINES = 200;
const MOST_OF_LINE = 2_048;

/** Remembers the last log lines and counts the restarts of each component, as long as the component is loaded. */
export class Monitor implements Disposable {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #seen = new Map<bigint, Seen>();
  readonly #listeners = new Set<(component: string, line: LogLine) => void>();
  readonly #off: readonly (() => void)[];

  constructor(runtime: Pick<Runtime, 'on'>, clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#off = [
      runtime.on('log', ({ handle, channel, message }) => this.#add(handle, channel, message)),
      runtime.on('restart', ({ handle, reason }) => {
        this.#of(handle).restarts++;
        this.#add(handle, 'host', `restarts after ${reason.code}`);
      }),
      runtime.on('state', ({ handle, to, reason }) => {
        if (to === 'stopped') this.#seen.delete(handle.handleId);
        else if (to === 'failed') this.#add(handle, 'host', `failed: ${reason}`);
      }),
    ];
  }

  lines(handle: ComponentHandle): readonly LogLine[] {
    return this.#seen.get(handle.handleId)?.lines ?? [];
  }

  restarts(handle: ComponentHandle): number {
    return this.#seen.get(handle.handleId)?.restarts ?? 0;
  }

  /** Calls the listener with each further line. @returns a function that removes it */
  onLine(listener: (component: string, line: LogLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  [Symbol.dispose](): void {
    for (const off of this.#off) off();
  }

  #of(handle: ComponentHandle): Seen {
    const known = this.#seen.get(handle.handleId);
    if (known !== undefined) return known;
    const made: Seen = { lines: [], restarts: 0 };
    this.#seen.set(handle.handleId, made);
    return made;
  }

  #add(handle: ComponentHandle, channel: string, message: string): void {
    const { lines } = this.#of(handle);
    const line = { at: this.#clock.now(), channel, message: message.slice(0, MOST_OF_LINE).toWellFormed() };
    lines.push(line);
    if (lines.length > MOST_LINES) lines.shift();
    for (const listener of this.#listeners) listener(formatComponentId(handle.id), line);
  }
}
