import { type ComponentHandle, createHandle, parseComponentId } from '#core';
import {
  type ActorOptions,
  type DeadLetter,
  GuestMessaging,
  HostMessaging,
  Router,
  type RouterOptions,
} from '#messaging';
import { TestClock } from '../../src/testing/clock.ts';
import { type Behaviour, ScriptedEngine } from './scripted-engine.ts';
import { SeededRandom } from './seeded-random.ts';

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const read = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

/** The whole messaging layer on a scripted engine and a clock that the test moves. */
export class MessageSystem {
  readonly engine = new ScriptedEngine();
  readonly clock = new TestClock();
  readonly letters: DeadLetter[] = [];
  readonly router: Router;
  readonly host: HostMessaging;
  readonly guests: GuestMessaging;

  constructor(options: Partial<RouterOptions> = {}) {
    this.router = new Router({
      engine: this.engine,
      clock: this.clock,
      random: new SeededRandom(1),
      onDeadLetter: (letter) => this.letters.push(letter),
      ...options,
    });
    this.host = new HostMessaging(this.router);
    this.guests = new GuestMessaging(this.router);
  }

  actor(id: string, behaviour: Behaviour = {}, options: ActorOptions = {}): ComponentHandle {
    const handle = createHandle(parseComponentId(id));
    this.engine.behaviours.set(id, behaviour);
    this.router.add(handle, options);
    return handle;
  }

  get reasons(): string[] {
    return this.letters.map((letter) => letter.reason);
  }

  /** Lets everything run that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}
