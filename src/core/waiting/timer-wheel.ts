/** The part of a `Clock` that timers need. */
export interface TimerClock {
  monotonic(): number;
  /** Returns what stops the timer. */
  after(delayMs: number, task: () => void): () => void;
}

const BITS = 5;
const SLOTS = 2 ** BITS;
const LEVELS = 7;

/** The longest delay: 32 ** 7 ms, more than a year. */
const MAX_DELAY_MS = SLOTS ** LEVELS - 1;

/** The milliseconds that one slot of each level spans. */
const SPAN = Array.from({ length: LEVELS }, (_, level) => SLOTS ** level);

/** Values of `place` that are not slots: not scheduled; scheduled since the wheel last advanced. */
const NOWHERE = -1;
const LATEST = -2;
/** The timer is due already, and runs as soon as the clock runs anything. */
const AT_ONCE = -3;

/** Something that the wheel ends at its deadline. It is itself the list node, so scheduling allocates nothing. */
export abstract class WheelTimer {
  /** The tick of the deadline, in milliseconds since the wheel was made. */
  due = 0;
  /** `level * 32 + slot`, or one of the values that are not slots. */
  place: number = NOWHERE;
  previous: WheelTimer | undefined = undefined;
  next: WheelTimer | undefined = undefined;

  /** Called once, at or after the deadline. */
  abstract expire(): void;
}

/**
 * All timeouts of a runtime on one timer of the clock: a hierarchical timing wheel (Varghese and Lauck, 1987) of seven
 * levels of 32 slots. The cost of scheduling and stopping does not depend on the number of open timeouts. Most timeouts
 * are stopped soon, so new ones are only linked to each other. Those that are left when the wheel advances get their
 * slots then.
 */
export class TimerWheel {
  readonly #clock: TimerClock;
  readonly #origin: number;
  readonly #heads: (WheelTimer | undefined)[] = new Array(LEVELS * SLOTS).fill(undefined);
  /** One bit for each slot that holds a timer. */
  readonly #occupied = new Int32Array(LEVELS);
  /** The timers scheduled since the wheel last advanced, newest first. */
  #latest: WheelTimer | undefined;
  /** The tick at which the first of them was scheduled. */
  #latestSince = 0;
  #elapsed = 0;
  /** The number of timers that have slots. */
  #scheduled = 0;
  #armedFor = Number.POSITIVE_INFINITY;
  #disarm: (() => void) | undefined;
  readonly #onTick = (): void => this.#tick();

  constructor(clock: TimerClock) {
    this.#clock = clock;
    this.#origin = clock.monotonic();
  }

  /** @param now the clock's monotonic reading, which the caller has already */
  schedule(timer: WheelTimer, now: number, delayMs: number): void {
    if (delayMs <= 0) {
      this.#runSoon(timer);
      return;
    }
    const ticks = now - this.#origin;
    timer.due = Math.ceil(ticks + Math.min(Math.max(delayMs, 0), MAX_DELAY_MS));
    const head = this.#latest;
    if (head === undefined) this.#latestSince = Math.floor(ticks);
    else head.previous = timer;
    timer.next = head;
    timer.place = LATEST;
    this.#latest = timer;
    if (timer.due < this.#armedFor) this.#arm(timer.due);
  }

  /** Returns whether the timer was scheduled. */
  stop(timer: WheelTimer): boolean {
    if (timer.place === NOWHERE) return false;
    if (timer.place === AT_ONCE) timer.place = NOWHERE;
    else this.#unlink(timer);
    return true;
  }

  /** A timer without a delay needs no tick: a clock that stands still would never come to the next one. */
  #runSoon(timer: WheelTimer): void {
    timer.place = AT_ONCE;
    this.#clock.after(0, () => {
      if (timer.place !== AT_ONCE) return;
      timer.place = NOWHERE;
      timer.expire();
    });
  }

  close(): void {
    this.#disarm?.();
    this.#armedFor = Number.POSITIVE_INFINITY;
  }

  /**
   * Gives the newest timers their slots, and sets the clock's timer for the earliest timer of all. A slot that is
   * passed before this waits for it.
   */
  #sort(): void {
    if (this.#scheduled === 0) this.#elapsed = Math.max(this.#elapsed, this.#latestSince);
    let timer = this.#latest;
    this.#latest = undefined;
    // Insert oldest first: a slot is a stack, so the newer timer fires first.
    while (timer?.next !== undefined) timer = timer.next;
    while (timer !== undefined) {
      const { previous }: WheelTimer = timer;
      if (timer.due <= this.#elapsed) timer.due = this.#elapsed + 1;
      this.#place(timer);
      timer = previous;
    }
  }

  /** Links the timer into its slot. */
  #place(timer: WheelTimer): void {
    const ahead = timer.due - this.#elapsed;
    let level = 0;
    while (level < LEVELS - 1 && ahead >= SPAN[level + 1]!) level += 1;
    const round = level === 0 ? timer.due : Math.floor(timer.due / SPAN[level]!);
    const slot = round % SLOTS;
    const place = level * SLOTS + slot;
    const head = this.#heads[place];
    this.#scheduled += 1;
    timer.place = place;
    timer.previous = undefined;
    timer.next = head;
    if (head !== undefined) head.previous = timer;
    this.#heads[place] = timer;
    this.#occupied[level]! |= 1 << slot;
  }

  #unlink(timer: WheelTimer): void {
    const { place, previous, next } = timer;
    if (next !== undefined) next.previous = previous;
    if (place !== LATEST) this.#scheduled -= 1;
    if (previous !== undefined) previous.next = next;
    else if (place === LATEST) this.#latest = next;
    else {
      this.#heads[place] = next;
      if (next === undefined) this.#occupied[place >> BITS]! &= ~(1 << (place & (SLOTS - 1)));
    }
    timer.place = NOWHERE;
    timer.previous = undefined;
    timer.next = undefined;
  }

  #tick(): void {
    this.#sort();
    this.#armedFor = Number.POSITIVE_INFINITY;
    const now = Math.floor(this.#clock.monotonic() - this.#origin);
    for (;;) {
      const at = this.#nextStop();
      if (at > now) {
        this.#elapsed = Math.max(this.#elapsed, now);
        if (at < this.#armedFor) this.#arm(at);
        return;
      }
      this.#elapsed = at;
      // Begin at the highest level, because a timer that moves down may be due at this very tick.
      for (let level = LEVELS - 1; level >= 0; level--) {
        if (at % SPAN[level]! === 0) this.#empty(level * SLOTS + ((at / SPAN[level]!) % SLOTS));
      }
    }
  }

  /** Returns the next tick at which a slot must be checked. */
  #nextStop(): number {
    let at = Number.POSITIVE_INFINITY;
    for (let level = 0; level < LEVELS; level++) {
      const occupied = this.#occupied[level]!;
      if (occupied === 0) continue;
      const round = Math.floor(this.#elapsed / SPAN[level]!);
      const shift = (round + 1) % SLOTS;
      const turned = (occupied >>> shift) | (occupied << (SLOTS - shift));
      const distance = SLOTS - Math.clz32(turned & -turned);
      at = Math.min(at, (round + distance) * SPAN[level]!);
    }
    return at;
  }

  /** Ends the timers of a slot that are due, and moves the others to lower levels. */
  #empty(place: number): void {
    for (let timer = this.#heads[place]; timer !== undefined; timer = this.#heads[place]) {
      this.#unlink(timer);
      if (timer.due <= this.#elapsed) timer.expire();
      else this.#place(timer);
    }
  }

  #arm(tick: number): void {
    this.#disarm?.();
    this.#armedFor = tick;
    this.#disarm = this.#clock.after(Math.max(0, tick + this.#origin - this.#clock.monotonic()), this.#onTick);
  }
}
