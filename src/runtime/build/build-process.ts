import { isVivariumError } from '#core/errors';
import type { Artifact } from '#core/ports/artifact';
import type { Clock } from '#core/ports/clock';
import { DisposableProcess, type ProcessEnd } from '#processes';
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
  readonly #child: DisposableProcess<BuildRequest, BuildAnswer>;
  #isFit = true;

  constructor(options: BuildProcessOptions) {
    this.#options = options;
    const { program, clock } = options;
    const errorOf = (end: ProcessEnd): RuntimeError => unbuilt(whyUnanswered(end));
    this.#child = new DisposableProcess({ program, permissions: ['worker'], clock, errorOf });
  }

  /** Whether the child can build another component: it is alive, and it built or refused the last one in good order. */
  get isFit(): boolean {
    return this.#isFit && this.#child.isAlive;
  }

  /** Ends the child. A build that is running is rejected with `reason`. */
  stop(reason?: unknown): void {
    this.#child.stop(reason);
  }

  /** @throws {RuntimeError} `RUNTIME_INVALID_COMPONENT`, `RUNTIME_ABORTED`, and the reason of `stop` */
  async build(request: BuildRequest, signal: AbortSignal | undefined): Promise<Artifact> {
    this.#isFit = false;
    const stopWatch = this.#watchMemory();
    try {
      const answer = await this.#child.ask(request, { maxMs: this.#options.maxBuildTimeMs, signal });
      this.#isFit = !answer.spoiled;
      if ('artifact' in answer) return answer.artifact;
      throw asRuntimeError(fromWire(answer.error));
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? aborted(signal) : error;
    } finally {
      stopWatch();
    }
  }

  /** Stops the child when it needs too much memory. Returns a function that ends the watch. */
  #watchMemory(): () => void {
    const { clock, maxBuildMemoryBytes } = this.#options;
    let isOver = false;
    let stopTimer = (): void => {};
    const watch = (): void => {
      stopTimer = clock.after(WATCH_INTERVAL_MS, async () => {
        const resident = await residentBytes(this.#child.pid);
        if (isOver) return;
        if (resident <= maxBuildMemoryBytes) watch();
        else this.stop(unbuilt(`the transpiler needs more than ${maxBuildMemoryBytes} bytes of memory for it`));
      });
    };
    watch();
    return () => {
      isOver = true;
      stopTimer();
    };
  }
}

function whyUnanswered(end: ProcessEnd): string {
  if (end.why === 'late') return `it takes the transpiler more than ${end.maxMs} ms`;
  return end.why === 'exited' ? `the transpiler ended (${end.how})` : end.message;
}

function unbuilt(why: string, options?: ErrorOptions): RuntimeError {
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be built: ${why}`, options);
}

function asRuntimeError(error: Error): Error {
  if ('code' in error && error.code === 'RUNTIME_INVALID_COMPONENT') {
    const details = isVivariumError(error) ? error.details : {};
    return new RuntimeError('RUNTIME_INVALID_COMPONENT', error.message, { cause: error.cause, details });
  }
  return unbuilt(error.message, { cause: error });
}

export function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}
