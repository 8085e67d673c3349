import type { Artifact, ArtifactBuilder } from '#core/ports/artifact';
import type { MeteringMode } from '#core/ports/meter';
import { CALL_PLAN_FORMAT } from '#runtime/direct';
import { RuntimeError } from '../errors.ts';
import { aborted, BuildProcess, type BuildProcessOptions } from './build-process.ts';
import type { IdleProcess } from './idle-process.ts';
import { idleProcessOf } from './idle-process-of.ts';
import type { BuildRequest } from './protocol.ts';
import { TRANSPILE_OPTIONS } from './transpile-options.ts';

export interface ChildBuilderOptions extends Pick<BuildProcessOptions, 'program' | 'clock'> {
  /** Milliseconds that the build of one component may take; 30,000 by default. */
  readonly maxBuildTimeMs?: number;
  /** Resident bytes of a child above which it is killed; 2 GiB by default. */
  readonly maxBuildMemoryBytes?: number;
  /** Whether artifacts get glue even if their component can be called directly; false by default. */
  readonly alwaysGlue?: boolean;
  /** Milliseconds after which a build makes way for waiting ones; 2,000 by default. */
  readonly quickMs?: number;
  /** Milliseconds after which an idle child is stopped; 2,000 by default. */
  readonly idleMs?: number;
}

interface Job {
  readonly request: BuildRequest;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (artifact: Artifact) => void;
  readonly reject: (reason: unknown) => void;
}

interface Running {
  readonly process: BuildProcess;
  isOverdue: boolean;
}

interface Lane {
  readonly waiting: Job[];
  running: Running | undefined;
}

/** The reason for stopping a build that will start again in the slow lane. */
const PUT_OFF = Symbol('put off');

/**
 * Builds artifacts in child processes, off this event loop.
 *
 * There are two lanes, each with one child. Every build begins in the quick lane. A usual build takes some tenths of a second. A build
 * that takes longer than `quickMs` continues in the slow lane if that is free. If it is not free and other builds wait, the builder
 * stops the long build and starts it again once the slow builds ahead of it have ended. So a build waits at most `quickMs` for each
 * earlier one, and slow builds wait only for one another.
 */
export class ChildBuilder implements ArtifactBuilder {
  readonly fingerprint: Readonly<Record<string, string>>;
  readonly #options: Required<ChildBuilderOptions>;
  readonly #quick: Lane = { waiting: [], running: undefined };
  readonly #slow: Lane = { waiting: [], running: undefined };
  readonly #idle: IdleProcess;
  #closed = false;

  constructor(options: ChildBuilderOptions) {
    const defaults = {
      alwaysGlue: false,
      maxBuildTimeMs: 30_000,
      maxBuildMemoryBytes: 2 * 2 ** 30,
      quickMs: 2_000,
      idleMs: 2_000,
    };
    this.#options = { ...defaults, ...options };
    this.#idle = idleProcessOf(this.#options);
    this.fingerprint = {
      transpile: JSON.stringify(TRANSPILE_OPTIONS),
      callPlan: String(CALL_PLAN_FORMAT),
      glue: this.#options.alwaysGlue ? 'always' : 'where needed',
    };
  }

  build(component: Uint8Array, meteringMode: MeteringMode, signal?: AbortSignal): Promise<Artifact> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closed());
        return;
      }
      const { alwaysGlue } = this.#options;
      this.#quick.waiting.push({ request: { component, meteringMode, alwaysGlue }, signal, resolve, reject });
      this.#advance();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of [this.#quick, this.#slow]) {
      for (const job of lane.waiting.splice(0)) job.reject(closed());
      lane.running?.process.stop(closed());
    }
    this.#idle.close();
  }

  #advance(): void {
    this.#makeWay();
    for (const lane of [this.#quick, this.#slow]) {
      while (lane.running === undefined) {
        const job = lane.waiting.shift();
        if (job === undefined) break;
        if (job.signal?.aborted) job.reject(aborted(job.signal));
        else this.#start(lane, job);
      }
    }
  }

  /** Moves an overdue build out of the quick lane, if it is in the way of others or the slow lane is free. */
  #makeWay(): void {
    const { running, waiting } = this.#quick;
    if (running === undefined || !running.isOverdue) return;
    if (this.#slow.running === undefined && this.#slow.waiting.length === 0) {
      this.#slow.running = running;
      this.#quick.running = undefined;
    } else if (waiting.length > 0) running.process.stop(PUT_OFF);
  }

  #start(lane: Lane, job: Job): void {
    const running: Running = { process: this.#takeProcess(), isOverdue: false };
    lane.running = running;
    const stopTimer = this.#options.clock.after(this.#options.quickMs, () => {
      running.isOverdue = true;
      this.#advance();
    });
    void running.process
      .build(job.request, job.signal)
      .then(
        (artifact) => {
          job.resolve(artifact);
          this.#keep(running.process);
        },
        (error: unknown) => {
          this.#keep(running.process);
          if (error === PUT_OFF) this.#slow.waiting.push(job);
          else job.reject(error);
        },
      )
      .finally(() => {
        stopTimer();
        // The build may have changed lanes since it started.
        for (const each of [this.#quick, this.#slow]) if (each.running === running) each.running = undefined;
        this.#advance();
      });
  }

  #takeProcess(): BuildProcess {
    return this.#idle.take() ?? new BuildProcess(this.#options);
  }

  /** Keeps a fit child for the next build; stops a child that is unfit. */
  #keep(process: BuildProcess): void {
    if (this.#closed || !process.isFit) process.stop();
    else this.#idle.keep(process);
  }
}

function closed(): RuntimeError {
  return new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed');
}
