import { statSync } from 'node:fs';
import type { Clock } from '#core/ports/clock';
import { shownPath } from '#core/text';
import { DisposableProcess, type ProcessEnd, programBeside } from '#processes';
import { BundleError } from '../errors.ts';
import { type Answer, fromWire, type Question } from './sqlite-wire.ts';

/** Every disk reads more than this in a millisecond. */
const BYTES_PER_MS = 20_000;
const LEAST_MS = 60_000;
const HEAP_MIB = 1_024;
const CLOSE_MS = 5_000;

/**
 * A child process that reads one database. Nothing can stop SQLite once it has begun, whatever a hostile schema or a
 * damaged page makes it do, but a process can be killed.
 */
export class SqliteProcess {
  readonly #path: string;
  readonly #maxStepMs: number;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #child: DisposableProcess<Question, Answer>;
  /** Ends with the answer to the last question, whatever it is. */
  #answered: Promise<unknown> = Promise.resolve();

  /** @param maxStepMs by default the time in which a slow disk reads the whole file, plus a minute */
  constructor(path: string, clock: Pick<Clock, 'after'>, maxStepMs?: number) {
    this.#path = path;
    this.#clock = clock;
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#maxStepMs = maxStepMs ?? LEAST_MS + size / BYTES_PER_MS;
    this.#child = new DisposableProcess({
      program: programBeside(import.meta.url, './sqlite-child'),
      maxHeapMib: HEAP_MIB,
      clock,
      errorOf: (end) => this.#unreadable(whyUnanswered(end)),
    });
  }

  /** Asks one question at a time. @throws {BundleError} */
  ask(question: Question, maxMs: number = this.#maxStepMs): Promise<Exclude<Answer, { error: unknown }>> {
    const answer = this.#child.ask(question, { maxMs }).then((answer) => {
      if ('error' in answer) throw fromWire(answer.error);
      return answer;
    });
    this.#answered = answer.catch(() => undefined);
    return answer;
  }

  /** Resolves when the child has ended. A database that is closed properly leaves no log behind. */
  async close(): Promise<void> {
    const closed = this.#unreadable('it was closed');
    const stopTimer = this.#clock.after(CLOSE_MS, () => this.#child.stop(closed));
    await this.#answered;
    stopTimer();
    if (this.#child.isAlive) await this.ask({ close: true }, CLOSE_MS).catch(() => {});
    this.#child.stop(closed);
    await this.#child.exited();
  }

  #unreadable(why: string): BundleError {
    return new BundleError('BUNDLE_INVALID_DATABASE', `${shownPath(this.#path)} cannot be read: ${why}`);
  }
}

function whyUnanswered(end: ProcessEnd): string {
  if (end.why === 'late') return `reading it takes more than ${Math.round(end.maxMs)} ms`;
  return end.why === 'exited' ? `its reader ended (${end.how})` : end.message;
}
