import { keepAlive } from '#core/event-loop';
import { Later, type LaterListener } from './later.ts';
import { onAbort } from './on-abort.ts';
import { type TimerClock, TimerWheel, WheelTimer } from './timer-wheel.ts';

/** Sleeps by a clock. All share one timer of the clock, because each timer of Node's costs memory and time. */
export class Sleeps {
  readonly #clock: TimerClock;
  readonly #wheel: TimerWheel;
  #open = 0;
  #letEnd: (() => void) | undefined;

  constructor(clock: TimerClock) {
    this.#clock = clock;
    this.#wheel = new TimerWheel(clock);
  }

  /**
   * Sleeps for some milliseconds, and keeps the process alive meanwhile, which timers of a `Clock` do not.
   * @param ending the signal that ends the sleep early, if a promise is made of it; a listener drops it
   */
  begin(ms: number, ending: () => AbortSignal): Later<void> {
    if (this.#open === 0) this.#letEnd = keepAlive();
    this.#open += 1;
    const sleep = new Sleep(this, ending);
    this.#wheel.schedule(sleep.timer, this.#clock.monotonic(), ms);
    return sleep;
  }

  /** Ends a sleep before its time. */
  wake(sleep: Sleep): void {
    if (this.#wheel.stop(sleep.timer)) this.over(sleep);
  }

  over(sleep: Sleep): void {
    this.#open -= 1;
    if (this.#open === 0) this.#letEnd?.();
    sleep.answer();
  }
}

/** One sleep: its value comes when its time is over. */
class Sleep extends Later<void> {
  readonly timer: SleepTimer;
  readonly #sleeps: Sleeps;
  readonly #ending: () => AbortSignal;

  constructor(sleeps: Sleeps, ending: () => AbortSignal) {
    super();
    this.#sleeps = sleeps;
    this.timer = new SleepTimer(sleeps, this);
    this.#ending = ending;
  }

  override drop(): void {
    this.#sleeps.wake(this);
  }

  /** A listener drops the sleep itself when it ends. A promise cannot, so the signal does. */
  override promise(): Promise<void> {
    const signal = this.#ending();
    const unlisten = onAbort(signal, () => this.drop());
    if (signal.aborted) this.drop();
    return new Promise((resolve) => {
      const woken = (): void => {
        unlisten();
        resolve();
      };
      const listener: LaterListener = { laterAnswered: woken, laterFailed: woken };
      this.listen(listener);
    });
  }
}

class SleepTimer extends WheelTimer {
  readonly #sleeps: Sleeps;
  readonly #sleep: Sleep;

  constructor(sleeps: Sleeps, sleep: Sleep) {
    super();
    this.#sleeps = sleeps;
    this.#sleep = sleep;
  }

  expire(): void {
    this.#sleeps.over(this.#sleep);
  }
}
