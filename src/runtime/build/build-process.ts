import { type ChildProcess, fork } from 'node:child_process';
import { isVivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import { RuntimeError } from '../errors.ts';
import { type BuildAnswer, type BuildRequest, fromWire } from './protocol.ts';
import { residentBytes } from './resident-memory.ts';

export interface BuildProcessOptions {
  /** The program that calls `serveBuilds`. */
  readonly program: URL;
  readonly clock: Clock;
  /** Milliseconds that the build of one component may take. */
  readonly maxBuildTimeMs: number;
  /** Resident bytes of the child above which the parent kills it. A heap limit would not cover the transpiler's own wasm memory. */
  readonly maxBuildMemoryBytes: number;
}

const WATCH_INTERVAL_MS = 100;

/**
 * A child process that builds one component at a time. A component can make the transpiler panic, loop or use up memory, and then only
 * this child is lost. Unless `isFit` says that the child can build more, its owner must stop it.
 */
export class BuildProcess {
  readonly #options: BuildProcessOptions;
  readonly #child: ChildProcess;
  #giveUp: (reason: unknown) => void = () => {};
  #isFit = true;

  constructor(options: BuildProcessOptions) {
    this.#options = options;
    this.#child = fork(options.program, {
      serialization: 'advanced',
      // The child gets none of the host's environment variables. It may read files, but neither write files nor start processes.
      env: {},
      execArgv: ['--permission', '--allow-fs-read=*', '--allow-worker', '--no-warnings'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#mayEnd();
  }

  /** Whether the child can build another component: it is alive, and it built or refused the last one in good order. */
  get isFit(): boolean {
    return this.#isFit && this.#child.connected;
  }

  /** Ends the child. A build that is running is rejected with `reason`. */
  stop(reason?: unknown): void {
    this.#giveUp(reason);
    this.#child.kill('SIGKILL');
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED`, and the reason of `stop` */
  build(request: BuildRequest, signal: AbortSignal | undefined): Promise<Artifact> {
    const { clock, maxBuildTimeMs, maxBuildMemoryBytes } = this.#options;
    const child = this.#child;
    this.#isFit = false;
    return new Promise<Artifact>((resolve, reject) => {
      let settled = false;
      let stopWatch = (): void => {};
      const settle = (act: () => void): void => {
        if (settled) return;
        settled = true;
        stopTimer();
        stopWatch();
        child.off('message', onMessage).off('exit', onExit).off('error', onError);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const fail = (why: string): void =>
        settle(() => reject(new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be built: ${why}`)));
      const onMessage = (answer: BuildAnswer): void =>
        settle(() => {
          this.#isFit = !answer.spoiled;
          if ('artifact' in answer) resolve(answer.artifact);
          else reject(asRuntimeError(fromWire(answer.error)));
        });
      const onExit = (code: number | null, by: string | null): void =>
        fail(`the transpiler ended (${by ?? `exit ${code}`})`);
      const onError = (error: Error): void => fail(error.message);
      const onAbort = (): void => settle(() => reject(aborted(signal as AbortSignal)));
      const watch = (): void => {
        stopWatch = clock.after(WATCH_INTERVAL_MS, async () => {
          const resident = await residentBytes(child.pid);
          if (resident > maxBuildMemoryBytes)
            fail(`the transpiler needs more than ${maxBuildMemoryBytes} bytes of memory for it`);
          else if (!settled) watch();
        });
      };
      const stopTimer = clock.after(maxBuildTimeMs, () =>
        fail(`it takes the transpiler more than ${maxBuildTimeMs} ms`),
      );
      this.#giveUp = (reason) => settle(() => reject(reason));
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      signal?.addEventListener('abort', onAbort, { once: true });
      watch();
      child.ref();
      child.channel?.ref();
      child.send(request);
    }).finally(() => this.#mayEnd());
  }

  /** Lets this process end while the child is idle. */
  #mayEnd(): void {
    this.#child.unref();
    this.#child.channel?.unref();
  }
}

function asRuntimeError(error: Error): Error {
  if ('code' in error && error.code === 'RUNTIME_INVALID_COMPONENT') {
    const details = isVivariumError(error) ? error.details : {};
    return new RuntimeError('RUNTIME_INVALID_COMPONENT', error.message, { cause: error.cause, details });
  }
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be built: ${error.message}`, {
    cause: error,
  });
}

export function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}
