import { describe, expect, it } from 'vitest';
import type { EventLoop } from '#messaging';
import { MessageSystem, text } from '../support/message-system.ts';

/** An event loop that runs when told to, and says what it ran. */
class SteppedLoop implements EventLoop {
  readonly soonTasks: (() => void)[] = [];
  readonly nextTasks: (() => void)[] = [];
  soon = (task: () => void): void => void this.soonTasks.push(task);
  nextTurn = (task: () => void): void => void this.nextTasks.push(task);

  hold = (): (() => void) => () => {};

  runSoon(): void {
    for (let task = this.soonTasks.shift(); task !== undefined; task = this.soonTasks.shift()) task();
  }

  runTurn(): void {
    for (const task of this.nextTasks.splice(0)) task();
    this.runSoon();
  }
}

describe('fairness', () => {
  it('gives timers and I/O their turn after a share of time', async () => {
    const loop = new SteppedLoop();
    const system = new MessageSystem({ loop, dispatcher: { shareMs: 10, sliceMs: 1 } });
    let turns = 0;
    const busy = system.actor('t/busy/1', {
      message: () => {
        turns += 1;
        system.clock.spend(3);
        return undefined;
      },
    });
    for (let sent = 0; sent < 20; sent++) void system.host.send(busy, text('x'));
    loop.runSoon();
    expect(turns).toBe(4);
    loop.runTurn();
    expect(turns).toBe(8);
  });

  it('counts what the embedder does between messages: its own loop of awaits cannot hold the event loop', () => {
    const loop = new SteppedLoop();
    const system = new MessageSystem({ loop, dispatcher: { shareMs: 10 } });
    let turns = 0;
    const actor = system.actor('t/a/1', {
      message: () => {
        turns += 1;
      },
    });
    for (let sent = 0; sent < 10; sent++) {
      void system.host.send(actor, text('x'));
      loop.runSoon();
      system.clock.spend(4);
    }
    expect(turns).toBe(3);
    loop.runTurn();
    expect(turns).toBe(10);
  });

  it('serves an actor with one message while another is flooded', () => {
    const loop = new SteppedLoop();
    const system = new MessageSystem({ loop, dispatcher: { shareMs: 100, sliceMs: 1, sliceMessages: 8 } });
    const order: string[] = [];
    const flooded = system.actor('t/flooded/1', { message: () => void order.push('flooded') });
    const quiet = system.actor('t/quiet/1', { message: () => void order.push('quiet') });
    for (let sent = 0; sent < 1_000; sent++) void system.host.send(flooded, text('x'));
    void system.host.send(quiet, text('x'));
    loop.runSoon();
    expect(order.indexOf('quiet')).toBe(8);
    expect(order).toHaveLength(1_001);
  });

  it('serves others while one actor floods itself for ever', async () => {
    const system = new MessageSystem({ maxHops: Number.POSITIVE_INFINITY });
    let running = true;
    const mad = system.actor('t/mad/1', {
      message: (_, self) => {
        system.clock.spend(0.5);
        for (let each = 0; running && each < 2; each++) {
          try {
            system.guests.send(self, self.id, text('again'));
          } catch {}
        }
        return undefined;
      },
    });
    const quiet = system.actor('t/quiet/1', { message: () => text('here') });
    await system.host.send(mad, text('go'));
    system.clock.spend(1);
    for (let asked = 0; asked < 20; asked++) {
      await system.host.request(quiet, text('?'));
      system.clock.spend(11);
      // The event loop turns, timers and connections of the process included.
      await new Promise((resolve) => setImmediate(resolve));
    }
    running = false;
    expect(system.engine.turns).toBeGreaterThan(100);
  });
});
