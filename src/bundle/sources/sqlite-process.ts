import { type ChildProcess, fork } from 'node:child_process';
import { statSync } from 'node:fs';
import { shownPath } from '#core/text';
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
  readonly #child: ChildProcess;
  #settle: ((answer: Answer | Error) => void) | undefined;
  /** Ends with the answer to the last question, whatever it is. */
  #answered: Promise<unknown> = Promise.resolve();
  #ended: Error | undefined;
  readonly #exited: Promise<void>;

  /** @param maxStepMs by default the time in which a slow disk reads the whole file, plus a minute */
  constructor(path: string, maxStepMs?: number) {
    this.#path = path;
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    this.#maxStepMs = maxStepMs ?? LEAST_MS + size / BYTES_PER_MS;
    const program = import.meta.url.endsWith('.ts') ? './sqlite-child.ts' : './sqlite-child.js';
    this.#child = fork(new URL(program, import.meta.url), {
      serialization: 'advanced',
      env: {},
      execArgv: [`--max-old-space-size=${HEAP_MIB}`, '--no-warnings'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', resolve).once('error', () => resolve());
    });
    this.#child
      .on('message', (answer: Answer) => this.#settle?.(answer))
      .on('error', (error) => this.#end(error.message))
      .on('exit', (code, signal) => this.#end(`its reader ended (${signal ?? `exit ${code}`})`));
  }

  /** Asks one question at a time. @throws {BundleError} */
  ask(question: Question, maxMs: number = this.#maxStepMs): Promise<Exclude<Answer, { error: unknown }>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const answer = new Promise<Exclude<Answer, { error: unknown }>>((resolve, reject) => {
      const timer = setTimeout(() => this.#end(`reading it takes more than ${Math.round(maxMs)} ms`), maxMs);
      this.#settle = (answer) => {
        clearTimeout(timer);
        this.#settle = undefined;
        if (answer instanceof Error) reject(answer);
        else if ('error' in answer) reject(fromWire(answer.error));
        else resolve(answer);
      };
      this.#child.send(question, (error) => {
        if (error !== null) this.#end(error.message);
      });
    });
    this.#answered = answer.catch(() => undefined);
    return answer;
  }

  /** Resolves when the child has ended. A database that is closed properly leaves no log behind. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#end('it was closed'), CLOSE_MS);
    await this.#answered;
    clearTimeout(timer);
    if (this.#ended === undefined) await this.ask({ close: true }, CLOSE_MS).catch(() => {});
    this.#end('it was closed');
    await this.#exited;
  }

  #end(why: string): void {
    this.#ended ??= new BundleError('BUNDLE_INVALID_DATABASE', `${shownPath(this.#path)} cannot be read: ${why}`);
    this.#settle?.(this.#ended);
    this.#child.kill('SIGKILL');
  }
}
