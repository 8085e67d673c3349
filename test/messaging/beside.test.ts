import { describe, expect, it } from 'vitest';
import { type ComponentHandle, parseComponentId } from '#core';
import type { OutgoingMessage } from '#core/messages';
import { MessageSystem, read, text } from '../support/message-system.ts';

/** Actors whose turns ask the actors that their message names, or wait until the test answers. */
class Asking {
  readonly system = new MessageSystem();
  readonly #waits: (() => void)[] = [];

  actor(name: string, concurrency: number): ComponentHandle {
    const handle = this.system.actor(`t/${name}/1`, {
      message: async ({ payload }, self) => {
        const [next, ...rest] = read(payload).split(' ');
        if (next === '') return text('done');
        if (next === 'wait') {
          await new Promise<void>((resolve) => void this.#waits.push(resolve));
          return text('waited');
        }
        const id = parseComponentId(`t/${next}/1`);
        return this.system.guests.ask(self, id, text(rest.join(' ')), 10_000).promise();
      },
    });
    this.system.router.interleave(handle, concurrency);
    return handle;
  }

  /** The answer, or the code of the error. */
  async ask(handle: ComponentHandle, steps: string): Promise<string> {
    return this.system.host.request(handle, text(steps), { timeoutMs: 60_000 }).then(read, ({ code }) => code);
  }

  goOn(): void {
    for (const resolve of this.#waits.splice(0)) resolve();
  }
}

describe('actors whose turns run side by side', () => {
  it('wait for each other without a deadlock while one of them has a place', async () => {
    const asking = new Asking();
    const [a] = [asking.actor('a', 2), asking.actor('b', 1)];
    expect(await asking.ask(a, 'b a ')).toBe('done');
    expect(await asking.ask(a, 'a ')).toBe('done');
  });

  it('are told of a deadlock once all places wait', async () => {
    const asking = new Asking();
    const [a] = [asking.actor('a', 2), asking.actor('b', 1)];
    const both = [asking.ask(a, 'b a '), asking.ask(a, 'b ')];
    // The second waits for the first, which waits for a place: the one who asked last is told, so that the others go on.
    expect(await Promise.all(both)).toEqual(['MESSAGING_DEADLOCK', 'done']);
  });

  it('wait for a turn that only waits for its own work, and go on when that is done', async () => {
    const asking = new Asking();
    const [a] = [asking.actor('a', 2), asking.actor('b', 1)];
    const waiting = asking.ask(a, 'wait');
    const through = asking.ask(a, 'b a ');
    await asking.system.settle();
    asking.goOn();
    expect(await Promise.all([waiting, through])).toEqual(['waited', 'done']);
  });

  it('find a deadlock through actors that have many places', async () => {
    const asking = new Asking();
    const [a, b] = [asking.actor('a', 2), asking.actor('b', 2)];
    const all = [asking.ask(a, 'b a '), asking.ask(a, 'b a '), asking.ask(b, 'a '), asking.ask(b, 'a ')];
    const answers = await Promise.all(all);
    expect(new Set(answers)).toEqual(new Set(['MESSAGING_DEADLOCK', 'done']));
    expect(asking.system.router.counters).toMatchObject({ inFlight: 0, openRequests: 0, timedOut: 0 });
  });

  it('end the turn of the request that nobody waits for, and no other', async () => {
    const given: string[] = [];
    const system = new MessageSystem();
    Object.assign(system.engine, {
      giveUpTurn: (_: ComponentHandle, { code }: { code: string }, { payload }: OutgoingMessage) =>
        given.push(`${read(payload)} ${code}`),
    });
    const handle = system.actor('t/a/1', { message: () => new Promise(() => {}) });
    system.router.interleave(handle, 3);
    const leaving = new AbortController();
    const [one, two] = [
      system.host.request(handle, text('one'), { timeoutMs: 100 }),
      system.host.request(handle, text('two'), { timeoutMs: 1_000, signal: leaving.signal }),
    ];
    void system.host.request(handle, text('three'), { timeoutMs: 5_000 }).catch(() => {});
    await system.settle();
    system.clock.advance(101);
    await expect(one).rejects.toMatchObject({ code: 'MESSAGING_TIMEOUT' });
    leaving.abort();
    await expect(two).rejects.toMatchObject({ code: 'MESSAGING_CANCELLED' });
    expect(given).toEqual(['one MESSAGING_TIMEOUT', 'two MESSAGING_CANCELLED']);
  });
});
