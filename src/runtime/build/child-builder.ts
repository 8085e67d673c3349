import { type ChildProcess, fork } from 'node:child_process';
import type { Artifact, ArtifactBuilder, Clock, MeteringMode } from '#core';
import { CALL_PLAN_FORMAT } from '../direct/call-plan.ts';
import { RuntimeError } from '../errors.ts';
import { type BuildAnswer, type BuildRequest, fromWire } from './protocol.ts';
import { residentBytes } from './resident-memory.ts';
import { TRANSPILE_OPTIONS } from './transpile.ts';

export interface ChildBuilderOptions {
  /** The program that calls `serveBuilds`. */
  readonly program: URL;
  readonly clock: Clock;
  /** Milliseconds that one component may take. */
  readonly maxBuildTimeMs?: number;
  /** Resident bytes at which the child is killed; a heap limit would not cover the transpiler's own wasm memory. */
  readonly maxBuildMemoryBytes?: number;
  /** Milliseconds after which an unused child is let go. */
  readonly idleMs?: number;
}

const WATCH_INTERVAL_MS = 100;

interface Job {
  readonly request: BuildRequest;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (artifact: Artifact) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Builds artifacts in a child process, one at a time and off this event loop. A component can make the transpiler
 * panic, loop or eat memory; whatever it does, the child alone is lost: after any failure it is replaced.
 */
export class ChildBuilder implements ArtifactBuilder {
  readonly fingerprint: Readonly<Record<string, string>> = {
    transpile: JSON.stringify(TRANSPILE_OPTIONS),
    callPlan: String(CALL_PLAN_FORMAT),
  };
  readonly #options: Required<ChildBuilderOptions>;
  readonly #queue: Job[] = [];
  #child: ChildProcess | undefined;
  #busy = false;
  #closed = false;
  #stopIdle: () => void = () => {};

  constructor(options: ChildBuilderOptions) {
    this.#options = { maxBuildTimeMs: 30_000, maxBuildMemoryBytes: 2 * 2 ** 30, idleMs: 2_000, ...options };
  }

  build(component: Uint8Array, meteringMode: MeteringMode, signal?: AbortSignal): Promise<Artifact> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed'));
        return;
      }
      this.#queue.push({ request: { component, meteringMode }, signal, resolve, reject });
      void this.#work();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed'));
    this.#discard();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.#stopIdle();
    for (let job = this.#queue.shift(); job !== undefined; job = this.#queue.shift()) {
      try {
        if (job.signal?.aborted) throw aborted(job.signal);
        job.resolve(await this.#run(job));
      } catch (error) {
        this.#discard();
        job.reject(error);
      }
    }
    this.#busy = false;
    this.#stopIdle = this.#options.clock.after(this.#options.idleMs, () => this.#discard());
  }

  #run({ request, signal }: Job): Promise<Artifact> {
    const { clock, maxBuildTimeMs, maxBuildMemoryBytes } = this.#options;
    const child = this.#spawn();
    return new Promise((resolve, reject) => {
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
        settle(() =>
          'artifact' in answer ? resolve(answer.artifact) : reject(asRuntimeError(fromWire(answer.error))),
        );
      const onExit = (code: number | null, by: string | null): void =>
        fail(this.#closed ? 'the runtime was closed' : `the transpiler ended (${by ?? `exit ${code}`})`);
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
      child.on('message', onMessage).on('exit', onExit).on('error', onError);
      signal?.addEventListener('abort', onAbort, { once: true });
      watch();
      child.ref();
      child.channel?.ref();
      child.send(request);
    }).finally(() => {
      child.unref();
      child.channel?.unref();
    }) as Promise<Artifact>;
  }

  #spawn(): ChildProcess {
    if (this.#child?.connected) return this.#child;
    this.#child = fork(this.#options.program, {
      serialization: 'advanced',
      // Nothing of the host's environment reaches the child, and it may read files but neither write nor start anything.
      env: {},
      execArgv: ['--permission', '--allow-fs-read=*', '--allow-worker', '--no-warnings'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    return this.#child;
  }

  #discard(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }
}

function asRuntimeError(error: Error): Error {
  if ('code' in error && error.code === 'RUNTIME_INVALID_COMPONENT') {
    return new RuntimeError('RUNTIME_INVALID_COMPONENT', error.message, { cause: error.cause });
  }
  return new RuntimeError('RUNTIME_INVALID_COMPONENT', `the component cannot be built: ${error.message}`, {
    cause: error,
  });
}

function aborted(signal: AbortSignal): RuntimeError {
  return new RuntimeError('RUNTIME_ABORTED', 'the load was aborted', { cause: signal.reason });
}
