import type { Artifact, ArtifactBuilder } from '#core/ports/artifact';
import type { MeteringMode } from '#core/ports/meter';
import { CALL_PLAN_FORMAT } from '#runtime/direct';
import { RuntimeError } from '../errors.ts';
import { aborted, BuildProcess, type BuildProcessOptions } from './build-process.ts';
import type { BuildRequest } from './protocol.ts';
import { TRANSPILE_OPTIONS } from './transpile-options.ts';

export interface ChildBuilderOptions extends Pick<BuildProcessOptions, 'program' | 'clock'> {
  /** Milliseconds that one component may take; 30,000 by default. */
  readonly maxBuildTimeMs?: number;
  /** Resident bytes of a child at which it is killed; 2 GiB by default. */
  readonly maxBuildMemoryBytes?: number;
  /** Milliseconds after which a build makes way for those that wait; 2,000 by default. */
  readonly quickMs?: number;
  /** Milliseconds after which an unused child is let go; 2,000 by default. */
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

/** Why a build was stopped that is begun again in the slow lane. */
const PUT_OFF = Symbol('put off');

/**
 * Builds artifacts in child processes, off this event loop.
 *
 * There are two lanes of one child each. Every build begins in the quick lane. One that takes longer than `quickMs`,
 * where a usual one takes some tenths of a second, goes on in the slow lane when that is free; when it is not, and others
 * wait, it is stopped and begun again once the slow builds ahead of it have ended. So a build waits `quickMs` at most for
 * each that was asked for before it, whatever those are, and slow components wait for one another only.
 */
export class ChildBuilder implements ArtifactBuilder {
  readonly fingerprint: Readonly<Record<string, string>> = {
    transpile: JSON.stringify(TRANSPILE_OPTIONS),
    callPlan: String(CALL_PLAN_FORMAT),
  };
  readonly #options: Required<ChildBuilderOptions>;
  readonly #quick: Lane = { waiting: [], running: undefined };
  readonly #slow: Lane = { waiting: [], running: undefined };
  #idle: BuildProcess | undefined;
  #stopIdle: () => void = () => {};
  #closed = false;

  constructor(options: ChildBuilderOptions) {
    const defaults = { maxBuildTimeMs: 30_000, maxBuildMemoryBytes: 2 * 2 ** 30, quickMs: 2_000, idleMs: 2_000 };
    this.#options = { ...defaults, ...options };
  }

  build(component: Uint8Array, meteringMode: MeteringMode, signal?: AbortSignal): Promise<Artifact> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closed());
        return;
      }
      this.#quick.waiting.push({ request: { component, meteringMode }, signal, resolve, reject });
      this.#advance();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const lane of [this.#quick, this.#slow]) {
      for (const job of lane.waiting.splice(0)) job.reject(closed());
      lane.running?.process.stop(closed());
    }
    this.#letGo();
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

  /** Takes a build that is overdue out of the way of others. */
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
        // It may have changed lanes since.
        for (const each of [this.#quick, this.#slow]) if (each.running === running) each.running = undefined;
        this.#advance();
      });
  }

  #takeProcess(): BuildProcess {
    this.#stopIdle();
    const idle = this.#idle;
    this.#idle = undefined;
    return idle?.isFit ? idle : new BuildProcess(this.#options);
  }

  /** One child that is fit for it waits for more work, for a while. */
  #keep(process: BuildProcess): void {
    if (this.#closed || !process.isFit) {
      process.stop();
      return;
    }
    this.#letGo();
    this.#idle = process;
    this.#stopIdle = this.#options.clock.after(this.#options.idleMs, () => this.#letGo());
  }

  #letGo(): void {
    this.#stopIdle();
    this.#idle?.stop();
    this.#idle = undefined;
  }
}

function closed(): RuntimeError {
  return new RuntimeError('RUNTIME_CLOSED', 'the runtime is closed');
}
