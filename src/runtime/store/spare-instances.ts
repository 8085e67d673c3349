import type { Clock } from '#core/ports/clock';
import type { RenewedInstances } from '#core/ports/renewal';

/** All components of a runtime together may have this many spare instances, with this many bytes of memory. */
const MOST_SPARES = 128;
const MOST_BYTES = 64 * 2 ** 20;
/** A component whose requests come one after the other needs one. */
const MOST_OF_ONE = 16;
/** Milliseconds after which an instance that nobody has taken is given up. */
const IDLE_MS = 10_000;

interface Spare {
  readonly instances: RenewedInstances;
  readonly bytes: number;
  readonly since: number;
}

/** Instances that have been renewed and wait for the next call of their component. */
export class SpareInstances {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  /** By component, the oldest first. */
  readonly #byOwner = new Map<object, Spare[]>();
  #count = 0;
  #bytes = 0;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#clock = clock;
  }

  /** Takes the instance of a component that was kept last; undefined if there is none. */
  take(of: object): RenewedInstances | undefined {
    const spare = this.#byOwner.get(of)?.pop();
    if (spare === undefined) return undefined;
    this.#count -= 1;
    this.#bytes -= spare.bytes;
    return spare.instances;
  }

  /** Keeps an instance for its component, or disposes of it where that has enough. */
  keep(of: object, instances: RenewedInstances): void {
    let own = this.#byOwner.get(of);
    if (own === undefined) {
      own = [];
      this.#byOwner.set(of, own);
    }
    if (own.length >= MOST_OF_ONE) {
      instances.dispose();
      return;
    }
    const spare = { instances, bytes: instances.memoryBytes, since: this.#clock.monotonic() };
    own.push(spare);
    this.#count += 1;
    this.#bytes += spare.bytes;
    while (this.#count > MOST_SPARES || this.#bytes > MOST_BYTES) this.#giveUpOldest();
    this.#stopTimer ??= this.#watch(IDLE_MS);
  }

  /** Disposes of the instances of one component. */
  drop(of: object): void {
    this.#giveUp(of, Number.POSITIVE_INFINITY);
    if (this.#count > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Disposes of all instances: something else needs their memory. */
  clear(): void {
    for (const of of this.#byOwner.keys()) this.#giveUp(of, Number.POSITIVE_INFINITY);
  }

  #giveUpOldest(): void {
    let found: object | undefined;
    let since = Number.POSITIVE_INFINITY;
    for (const [of, [oldest]] of this.#byOwner) {
      if (oldest === undefined || oldest.since >= since) continue;
      found = of;
      since = oldest.since;
    }
    if (found !== undefined) this.#giveUp(found, 1);
  }

  /** Disposes of the oldest instances of a component, and forgets a component that has none. */
  #giveUp(of: object, most: number): void {
    const own = this.#byOwner.get(of);
    for (const { instances, bytes } of own?.splice(0, most) ?? []) {
      this.#count -= 1;
      this.#bytes -= bytes;
      instances.dispose();
    }
    if (own?.length === 0) this.#byOwner.delete(of);
  }

  #watch(ms: number): () => void {
    return this.#clock.after(ms, () => {
      this.#stopTimer = undefined;
      const now = this.#clock.monotonic();
      let next = Number.POSITIVE_INFINITY;
      for (const [of, own] of this.#byOwner) {
        this.#giveUp(of, own.findLastIndex(({ since }) => now - since >= IDLE_MS) + 1);
        next = Math.min(next, own[0]?.since ?? next);
      }
      if (next !== Number.POSITIVE_INFINITY) this.#stopTimer = this.#watch(IDLE_MS - (now - next));
    });
  }
}
