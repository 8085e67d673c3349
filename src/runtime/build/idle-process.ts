import type { Clock } from '#core/ports/clock';
import type { BuildProcess } from './build-process.ts';

/** The place of one fit child that waits for the next build, and is stopped when none comes for a while. */
export class IdleProcess {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #idleMs: number;
  #process: BuildProcess | undefined;
  #stopTimer: () => void = () => {};

  /** @param idleMs milliseconds after which the child is stopped */
  constructor({ clock, idleMs }: { readonly clock: Pick<Clock, 'after'>; readonly idleMs: number }) {
    this.#clock = clock;
    this.#idleMs = idleMs;
  }

  /** Returns the child, which is the caller's from now on, if there is one and it is still fit. */
  take(): BuildProcess | undefined {
    this.#stopTimer();
    const process = this.#process;
    this.#process = undefined;
    return process?.isFit ? process : undefined;
  }

  /** Keeps a fit child, and stops the one that was kept before. */
  keep(process: BuildProcess): void {
    this.#stop();
    this.#process = process;
    this.#stopTimer = this.#clock.after(this.#idleMs, () => this.#stop());
  }

  /** Stops the child, because its builder has ended. */
  close(): void {
    this.#stop();
  }

  #stop(): void {
    this.#stopTimer();
    this.#process?.stop();
    this.#process = undefined;
  }
}
