import { type ChildProcess, fork } from 'node:child_process';
import type { Clock } from '#core/ports/clock';
import { afterWork, type WorkOf, workInProc } from './working-time.ts';

/** Why a process ended before it answered. */
export type ProcessEnd =
  /** The answer took longer than it may. */
  | { readonly why: 'late'; readonly maxMs: number }
  /** The process ended by itself or was killed by somebody else; `how` is the signal, or `exit` and the exit code. */
  | { readonly why: 'exited'; readonly how: string }
  /** The process could not be started, or the question not sent. */
  | { readonly why: 'failed'; readonly message: string };

export interface DisposableProcessOptions {
  /** A program that sends one answer for each message. */
  readonly program: URL;
  /**
   * The permissions of the process beside reading files; by Node's permission model it may then neither write files nor start
   * processes. Undefined for a process without this model.
   */
  readonly permissions?: readonly ('addons' | 'worker')[];
  /** Mebibytes of the JavaScript heap; Node's own limit by default. */
  readonly maxHeapMib?: number;
  /** Measures the time of an answer. */
  readonly clock: Pick<Clock, 'after'>;
  /** Says what the process has done; what Linux tells by default. */
  readonly workOf?: WorkOf;
  /** The error for a question that is not answered. */
  readonly errorOf: (end: ProcessEnd) => unknown;
}

/**
 * A child process for work that may panic, loop or use up memory because of hostile input: only the child is lost then. It
 * has none of this process's environment variables, answers one question at a time, and is killed if it gives no answer in
 * time. It keeps this process alive only while it answers.
 */
export class DisposableProcess<Question extends object, Answer> implements Disposable {
  readonly #child: ChildProcess;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #workOf: WorkOf;
  readonly #errorOf: (end: ProcessEnd) => unknown;
  readonly #exited: Promise<void>;
  #pending: PromiseWithResolvers<Answer> | undefined;
  #ended: { readonly error: unknown } | undefined;

  constructor({ program, permissions, maxHeapMib, clock, workOf = workInProc, errorOf }: DisposableProcessOptions) {
    this.#clock = clock;
    this.#workOf = workOf;
    this.#errorOf = errorOf;
    const granted = permissions?.map((permission) => `--allow-${permission}`);
    this.#child = fork(program, {
      serialization: 'advanced',
      env: {},
      execArgv: [
        ...(granted === undefined ? [] : ['--permission', '--allow-fs-read=*', ...granted]),
        ...(maxHeapMib === undefined ? [] : [`--max-old-space-size=${maxHeapMib}`]),
        '--no-warnings',
      ],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => resolve()).once('error', () => resolve());
    });
    this.#child
      .on('message', (answer) => this.#pending?.resolve(answer as Answer))
      .on('error', ({ message }) => this.#end({ why: 'failed', message }))
      .on('exit', (code, signal) => this.#end({ why: 'exited', how: signal ?? `exit ${code}` }));
    this.#letParentEnd();
  }

  /** Whether the process can be asked. */
  get isAlive(): boolean {
    return this.#ended === undefined && this.#child.connected;
  }

  /** The number of the process; undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Asks a question, once the one before is answered.
   * @param limits `maxMs` is the time of the answer in milliseconds, after which the process is killed, as when the signal is aborted.
   * A process that works gets more where the machine is busy, until it has had a processor for that time
   * @throws what `errorOf` makes of the end of the process, the signal's reason, and the reason of `stop`
   */
  async ask(question: Question, limits: { maxMs: number; signal?: AbortSignal | undefined }): Promise<Answer> {
    if (this.#ended !== undefined) throw this.#ended.error;
    const { maxMs, signal } = limits;
    const pending = Promise.withResolvers<Answer>();
    this.#pending = pending;
    const worker = { pid: this.pid, maxMs, clock: this.#clock, workOf: this.#workOf };
    const stopTimer = afterWork(worker, () => this.#end({ why: 'late', maxMs }));
    const abort = (): void => this.stop(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    this.#child.ref();
    this.#child.channel?.ref();
    try {
      if (signal?.aborted) abort();
      else {
        this.#child.send(question, (error) => {
          if (error !== null) this.#end({ why: 'failed', message: error.message });
        });
      }
      return await pending.promise;
    } finally {
      stopTimer();
      signal?.removeEventListener('abort', abort);
      this.#pending = undefined;
      // A process that was killed is waited for, which takes no time worth mentioning.
      if (this.#ended === undefined) this.#letParentEnd();
    }
  }

  /** Kills the process. A question that is not answered yet is rejected with the reason, and so is each later one. */
  stop(reason?: unknown): void {
    this.#ended ??= { error: reason };
    this.#child.kill('SIGKILL');
    this.#pending?.reject(this.#ended.error);
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  /** Resolves when the process has ended, and keeps this process alive until then. */
  exited(): Promise<void> {
    this.#child.ref();
    return this.#exited;
  }

  #end(end: ProcessEnd): void {
    if (this.#ended === undefined) this.stop(this.#errorOf(end));
  }

  #letParentEnd(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }
}
