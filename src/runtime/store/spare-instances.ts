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
  readonly of: object;
  readonly instances: RenewedInstances;
  readonly bytes: number;
  readonly since: number;
}

/** Instances that have been renewed and wait for the next call of their component. */
export class SpareInstances {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  /** The oldest first. */
  readonly #all = new Set<Spare>();
  readonly #byOwner = new WeakMap<object, Spare[]>();
  #bytes = 0;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'monotonic' | 'after'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Takes the instance of a component that was kept last; undefined if there is none. */
  take(of: object): RenewedInstances | undefined {
    const spare = this.#byOwner.get(of)?.pop();
    if (spare === undefined) return undefined;
    this.#remove(spare);
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
    const spare = { of, instances, bytes: instances.memoryBytes, since: this.#clock.monotonic() };
    own.push(spare);
    this.#all.add(spare);
    this.#bytes += spare.bytes;
    for (const oldest of this.#all) {
      if (this.#all.size <= MOST_SPARES && this.#bytes <= MOST_BYTES) break;
      this.#giveUp(oldest);
    }
    this.#stopTimer ??= this.#watch(IDLE_MS);
  }

  /** Disposes of the instances of one component. */
  drop(of: object): void {
    for (const spare of this.#byOwner.get(of) ?? []) {
      this.#remove(spare);
      spare.instances.dispose();
    }
    this.#byOwner.delete(of);
    if (this.#all.size > 0) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  /** Disposes of all instances: something else needs their memory. */
  clear(): void {
    for (const spare of this.#all) this.#giveUp(spare);
  }

  #giveUp(spare: Spare): void {
    const own = this.#byOwner.get(spare.of) as Spare[];
    own.splice(own.indexOf(spare), 1);
    this.#remove(spare);
    spare.instances.dispose();
  }

  #remove(spare: Spare): void {
    this.#all.delete(spare);
    this.#bytes -= spare.bytes;
  }

  #watch(ms: number): () => void {
    return this.#clock.after(ms, () => {
      this.#stopTimer = undefined;
      const now = this.#clock.monotonic();
      for (const spare of this.#all) {
        const left = IDLE_MS - (now - spare.since);
        if (left > 0) {
          this.#stopTimer = this.#watch(left);
          return;
        }
        this.#giveUp(spare);
      }
    });
  }
}
