import type { Clock, StopTimer } from '#core/ports/clock';
import type { KeptConnection } from './kept-connection.ts';

/** The most unused connections of one component, and of all components of a runtime: as many as they may use at a time. */
const MOST_OF_COMPONENT = 8;
const MOST_OF_RUNTIME = 64;

/** How long a connection is kept unused. Many servers close theirs after five seconds, so a request would meet the close. */
const IDLE_MS = 4_000;

/** How long a connection is used again. Later requests look the name up again, so that they follow it to another address. */
const MOST_AGE_MS = 60_000;

interface Unused {
  readonly connection: KeptConnection;
  readonly owner: KeptConnections;
  readonly until: number;
}

/** Counts the unused connections of all components of a runtime, and closes those whose time is over. */
export class UnusedConnections {
  readonly clock: Pick<Clock, 'after' | 'monotonic'>;
  /** In the order in which they became unused, so the first one ends first. */
  readonly #all = new Set<Unused>();
  #stopTimer: StopTimer | undefined;

  constructor(clock: Pick<Clock, 'after' | 'monotonic'>) {
    this.clock = clock;
  }

  /** Adds one. The oldest makes room for it: a component that keeps many must not keep others from keeping any. */
  add(connection: KeptConnection, owner: KeptConnections): Unused {
    const [oldest] = this.#all;
    if (oldest !== undefined && this.#all.size >= MOST_OF_RUNTIME) oldest.owner.drop(oldest);
    const unused = { connection, owner, until: this.clock.monotonic() + IDLE_MS };
    this.#all.add(unused);
    this.#stopTimer ??= this.clock.after(IDLE_MS, () => this.#sweep());
    return unused;
  }

  delete(unused: Unused): void {
    this.#all.delete(unused);
  }

  #sweep(): void {
    this.#stopTimer = undefined;
    const now = this.clock.monotonic();
    for (const unused of this.#all) {
      if (unused.until > now) {
        this.#stopTimer = this.clock.after(Math.ceil(unused.until - now), () => this.#sweep());
        return;
      }
      unused.owner.drop(unused);
    }
  }
}

/** The connections that one component keeps for its next requests. No other component ever gets one of them. */
export class KeptConnections {
  readonly #runtime: UnusedConnections;
  readonly #unused = new Map<string, Unused[]>();
  #count = 0;
  /** Counts how often all were released; a connection that was used meanwhile is not kept. */
  #round = 0;

  constructor(runtime: UnusedConnections) {
    this.#runtime = runtime;
  }

  get round(): number {
    return this.#round;
  }

  get now(): number {
    return this.#runtime.clock.monotonic();
  }

  has(origin: string): boolean {
    return this.#unused.has(origin);
  }

  /**
   * Takes the connection to an endpoint that was used last. Those to addresses that may be reached no more are closed.
   * @param mayReach asks the component's grants
   */
  take(origin: string, mayReach: (address: string) => boolean): KeptConnection | undefined {
    for (let last = this.#unused.get(origin)?.at(-1); last !== undefined; last = this.#unused.get(origin)?.at(-1)) {
      this.#remove(last);
      const { connection, until } = last;
      const isFresh = this.now < until && this.now - connection.madeAt < MOST_AGE_MS;
      if (connection.isOpen && isFresh && mayReach(connection.address)) return connection;
      connection.close();
    }
    return undefined;
  }

  /** Makes a new connection known, so that it is forgotten when it is closed. */
  add(connection: KeptConnection): void {
    void connection.closed.then(() => {
      const unused = this.#unused.get(connection.origin)?.find((each) => each.connection === connection);
      if (unused !== undefined) this.#remove(unused);
    });
  }

  /** Keeps a connection whose answer has ended. Returns false if it must be closed. @param round `round` when it was taken */
  keep(connection: KeptConnection, round: number): boolean {
    const isOld = this.now - connection.madeAt >= MOST_AGE_MS;
    if (!connection.isOpen || isOld || round !== this.#round || this.#count >= MOST_OF_COMPONENT) return false;
    const unused = this.#runtime.add(connection, this);
    const { origin } = connection;
    const list = this.#unused.get(origin);
    if (list === undefined) this.#unused.set(origin, [unused]);
    else list.push(unused);
    this.#count += 1;
    return true;
  }

  /** Closes all that are unused. Those that are used are closed after their answers. */
  release(): void {
    this.#round += 1;
    for (const list of [...this.#unused.values()]) for (const unused of [...list]) this.drop(unused);
  }

  drop(unused: Unused): void {
    this.#remove(unused);
    unused.connection.close();
  }

  #remove(unused: Unused): void {
    const { origin } = unused.connection;
    const list = this.#unused.get(origin) ?? [];
    const index = list.lastIndexOf(unused);
    if (index < 0) return;
    list.splice(index, 1);
    if (list.length === 0) this.#unused.delete(origin);
    this.#count -= 1;
    this.#runtime.delete(unused);
  }
}
