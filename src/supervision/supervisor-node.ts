import { isVivariumError, messageOf, type VivariumError } from '#core/errors';
import type { Clock } from '#core/ports/clock';
import type { Random } from '#core/ports/random';
import { inContext } from '#core/waiting';
import { backoff } from './backoff.ts';
import { Child, type Supervised } from './child.ts';
import { SupervisionError } from './errors.ts';
import { RestartIntensity } from './intensity.ts';
import type { EffectiveSupervisorOptions, RestartStrategy, RestartType } from './options.ts';

/** Called when a restart is decided. `restarts` counts the restarts in the supervisor's window, including this one. */
export interface RestartDecision {
  readonly child: Supervised;
  readonly supervisor: string;
  readonly reason: VivariumError;
  readonly restarts: number;
  readonly delayMs: number;
}

export interface NodePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly onRestart: (decision: RestartDecision) => void;
}

/**
 * One supervisor. It restarts its children by its strategy and counts restarts. When there are too many, it stops all
 * children in reverse order and reports itself as failed to its parent. The rules are those of OTP's `supervisor`.
 */
export class SupervisorNode implements Supervised {
  readonly name: string;
  readonly options: EffectiveSupervisorOptions;
  /** Called when this supervisor gives up. */
  escalate: (reason: VivariumError) => void = () => {};
  readonly #ports: NodePorts;
  readonly #intensity: RestartIntensity;
  #children: Child[] = [];

  constructor(name: string, options: EffectiveSupervisorOptions, ports: NodePorts) {
    this.name = name;
    this.options = options;
    this.#ports = ports;
    this.#intensity = new RestartIntensity(options.maxRestarts, options.withinMs);
  }

  /** Adds a child that is running already. The order of adding is the order of starting. */
  add(subject: Supervised, restart: RestartType): void {
    this.#children.push(new Child(subject, restart));
  }

  /** Removes a child that was ended from outside. */
  remove(subject: Supervised): void {
    const child = this.#find(subject);
    if (child !== undefined) this.#drop(child);
  }

  /**
   * Handles the failure or end of a child. Reports about a stopped child are ignored, because its end is already being
   * handled.
   */
  childFailed(subject: Supervised, reason: VivariumError): void {
    const child = this.#find(subject);
    if (child?.state === 'starting') child.failedEarly ??= reason;
    if (child?.state === 'running') this.#see(child, reason);
  }

  halt(reason: VivariumError): void {
    for (const child of this.#children.toReversed()) {
      child.round = undefined;
      child.state = 'waiting';
      child.subject.halt(reason);
    }
  }

  /** Ends all children, the last one first. */
  async stop(reason: VivariumError): Promise<void> {
    this.halt(reason);
    for (const child of this.#children.toReversed()) await child.stop(reason);
  }

  /**
   * Starts all children in order, with an empty window of restarts. When one cannot start, those before it are stopped.
   */
  async start(reason: VivariumError): Promise<void> {
    this.#intensity.reset();
    const failure = await this.#startAll(this.#take(this.#children), reason);
    if (failure === undefined) return;
    await this.stop(reason);
    throw failure.error;
  }

  async abandon(reason: VivariumError): Promise<void> {
    this.halt(reason);
    const children = this.#children.toReversed();
    this.#children = [];
    for (const child of children) await child.abandon(reason);
  }

  #find(subject: Supervised): Child | undefined {
    return this.#children.find((child) => child.subject === subject);
  }

  #drop(child: Child): void {
    child.round = undefined;
    this.#children = this.#children.filter((other) => other !== child);
  }

  /** Decides the consequences of a failure. */
  #see(failed: Child, reason: VivariumError): void {
    failed.subject.halt(reason);
    if (failed.restart === 'temporary' || (failed.restart === 'transient' && isNormal(reason))) {
      this.#drop(failed);
      void failed.abandon(reason);
    } else if (this.#intensity.allow(this.#ports.clock.monotonic())) this.#restart(failed, reason);
    else this.#giveUp(failed, reason);
  }

  #restart(failed: Child, reason: VivariumError): void {
    const affected = affectedBy(this.options.strategy, this.#children, failed);
    for (const child of affected.toReversed()) {
      child.subject.halt(reason);
      if (child.restart === 'temporary') {
        this.#drop(child);
        void child.abandon(reason);
      } else {
        child.state = 'waiting';
        // A child that cannot be stopped cannot be started either, and that failure is counted.
        child.stop(reason).catch(() => {});
      }
    }
    const round = this.#take(affected.filter((child) => child.restart !== 'temporary'));
    const restarts = this.#intensity.recent;
    const delayMs = backoff(restarts, this.options.backoffMs, this.options.maxBackoffMs, this.#ports.random);
    for (const { subject } of round.children) {
      this.#ports.onRestart({ child: subject, supervisor: this.name, reason, restarts, delayMs });
    }
    const due = async (): Promise<void> => {
      const failure = await this.#startAll(round, reason);
      // As in OTP, a failed start is one more failure: it counts, and the strategy is applied again.
      if (failure !== undefined) this.#see(failure.child, failure.error);
    };
    // The timer is set during a turn, whose context is that of a message. The restart does not belong to the message's
    // sender.
    this.#ports.clock.after(delayMs, () => void inContext(failed.context, due));
  }

  #take(children: readonly Child[]): Round {
    const round = { children };
    for (const child of children) child.round = round;
    return round;
  }

  /** Starts the children that still belong to this round, in order, up to the first that cannot start. */
  async #startAll(round: Round, reason: VivariumError): Promise<StartFailure | undefined> {
    for (const child of round.children) {
      if (child.round !== round) continue;
      child.state = 'starting';
      child.failedEarly = undefined;
      const error = await child.start(reason).catch((thrown) => asVivarium(child, thrown));
      if (child.round !== round) continue;
      if (error !== undefined) return { child, error };
      child.round = undefined;
      child.state = 'running';
      if (child.failedEarly !== undefined) this.#see(child, child.failedEarly);
    }
    return undefined;
  }

  #giveUp(failed: Child, cause: VivariumError): void {
    const { maxRestarts, withinMs } = this.options;
    // The error of a supervisor that gave up names the actor that caused it.
    const component = cause.details.component ?? failed.subject.name;
    const reason = new SupervisionError(
      'SUPERVISION_INTENSITY',
      `supervisor ${this.name} gave up: more than ${maxRestarts} restarts within ${withinMs} ms, the last for ${failed.subject.name}: ${cause.message}`,
      { cause, details: { supervisor: this.name, component } },
    );
    const tell = (): void => this.escalate(reason);
    this.stop(reason).then(tell, tell);
  }
}

/** Children that are stopped, to be started in order. */
interface Round {
  readonly children: readonly Child[];
}

interface StartFailure {
  readonly child: Child;
  readonly error: VivariumError;
}

function affectedBy(strategy: RestartStrategy, children: readonly Child[], failed: Child): readonly Child[] {
  if (strategy === 'one-for-one') return [failed];
  return strategy === 'one-for-all' ? children : children.slice(children.indexOf(failed));
}

/** Whether the guest ended normally, by calling exit with status 0. */
function isNormal(reason: VivariumError): boolean {
  return reason.code === 'RUNTIME_EXITED' && Number(reason.details.status) === 0;
}

function asVivarium(child: Child, thrown: unknown): VivariumError {
  if (isVivariumError(thrown)) return thrown;
  const message = `${child.subject.name} could not be started: ${messageOf(thrown)}`;
  return new SupervisionError('SUPERVISION_INVALID', message, { cause: thrown });
}
