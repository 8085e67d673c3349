import { type ComponentHandle, createHandle, parseComponentId } from '#core';
import type { VivariumError } from '#core/errors';
import { type ActorControl, type ActorSupervision, type RestartEvent, SupervisionTree } from '#supervision';
import { TestClock } from '../../src/testing/clock.ts';
import { trap } from './scripted-engine.ts';
import { SeededRandom } from './seeded-random.ts';

/** Stands for the system under a supervision tree: records what is done to actors, in order. */
export class SupervisedActors implements ActorControl {
  readonly clock = new TestClock();
  readonly log: string[] = [];
  readonly restarts: RestartEvent[] = [];
  readonly gaveUp: { supervisor: string; reason: VivariumError }[] = [];
  readonly running = new Set<ComponentHandle>();
  /** Starts that fail, by actor: how many more. */
  readonly badStarts = new Map<string, number>();
  readonly tree: SupervisionTree;
  /** Called in the middle of a start, as an actor's first turn may be. */
  onStart: (handle: ComponentHandle) => void = () => {};

  constructor() {
    this.tree = new SupervisionTree({
      clock: this.clock,
      random: new SeededRandom(1),
      control: this,
      onRestart: (event) => this.restarts.push(event),
      onGiveUp: (supervisor, reason) => this.gaveUp.push({ supervisor, reason }),
    });
  }

  actor(name: string, supervision: ActorSupervision = {}): ComponentHandle {
    const handle = createHandle(parseComponentId(`t/${name}/1`));
    this.running.add(handle);
    this.tree.addActor(handle, supervision);
    return handle;
  }

  /** A failure of a running actor, and everything that follows without time passing. */
  async fail(handle: ComponentHandle, reason: VivariumError = trap()): Promise<void> {
    this.tree.failed(handle, reason);
    await this.settle();
  }

  /** Lets back-offs pass that are shorter than this, and what they start. */
  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** What was done since the last look. */
  take(): string[] {
    return this.log.splice(0);
  }

  halt(handle: ComponentHandle): void {
    this.running.delete(handle);
  }

  async stop(handle: ComponentHandle): Promise<void> {
    this.#note('stop', handle);
  }

  async start(handle: ComponentHandle): Promise<void> {
    const bad = this.badStarts.get(handle.id.name) ?? 0;
    if (bad > 0) {
      this.badStarts.set(handle.id.name, bad - 1);
      this.#note('bad start', handle);
      throw trap();
    }
    this.#note('start', handle);
    this.running.add(handle);
    this.onStart(handle);
  }

  async abandon(handle: ComponentHandle): Promise<void> {
    this.#note('abandon', handle);
    this.running.delete(handle);
    this.tree.removeActor(handle);
  }

  #note(what: string, handle: ComponentHandle): void {
    this.log.push(`${what} ${handle.id.name}`);
  }
}
