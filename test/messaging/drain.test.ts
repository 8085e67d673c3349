import { describe, expect, it } from 'vitest';
import { parseComponentId } from '#core';
import { MessageSystem, text } from '../support/message-system.ts';
import { trap } from '../support/scripted-engine.ts';

describe('drain', () => {
  it('finishes what is queued and takes nothing new', async () => {
    const system = new MessageSystem();
    let handled = 0;
    const a = system.actor('t/a/1', {
      message: () => {
        handled += 1;
      },
    });
    const b = system.actor('t/b/1');
    for (let sent = 0; sent < 5; sent++) await system.host.send(a, text('x'));
    const drained = system.router.drain(a, 1_000);
    const unavailable = expect.objectContaining({ code: 'MESSAGING_UNAVAILABLE' });
    await expect(system.host.send(a, text('late'))).rejects.toThrow(unavailable);
    expect(() => system.guests.send(b, a.id, text('late'))).toThrow(unavailable);
    expect(await drained).toBe(true);
    expect(handled).toBe(5);
  });

  it('waits for the answers to requests of its own', async () => {
    const system = new MessageSystem();
    let answer: (reply: Uint8Array) => void = () => {};
    let callbacks = 0;
    const a = system.actor('t/a/1', {
      callback: () => {
        callbacks += 1;
      },
    });
    system.actor('t/b/1', {
      message: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    system.guests.request(a, parseComponentId('t/b/1'), text('?'), 500);
    const drained = system.router.drain(a, 1_000);
    await system.settle();
    answer(text('!'));
    expect(await drained).toBe(true);
    expect(callbacks).toBe(1);
  });

  it('gives up after its time-out, and what is left becomes dead letters', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', { message: () => new Promise(() => {}) });
    for (let sent = 0; sent < 3; sent++) await system.host.send(a, text('x'));
    const drained = system.router.drain(a, 100);
    await system.settle();
    system.clock.advance(100);
    expect(await drained).toBe(false);
    system.router.remove(a);
    expect(system.reasons).toEqual(['removed', 'removed', 'removed']);
  });

  it('of the whole runtime lets a pipeline run dry', async () => {
    const system = new MessageSystem();
    let arrived = 0;
    const first = system.actor('t/first/1', {
      message: ({ payload }, self) => void system.guests.send(self, parseComponentId('t/last/1'), payload),
    });
    system.actor('t/last/1', {
      message: () => {
        arrived += 1;
      },
    });
    for (let sent = 0; sent < 100; sent++) await system.host.send(first, text('x'));
    const drained = system.router.drainAll(1_000);
    await expect(system.host.send(first, text('late'))).rejects.toMatchObject({ code: 'MESSAGING_UNAVAILABLE' });
    expect(await drained).toBe(true);
    expect(arrived).toBe(100);
  });

  it('is over at once where there is nothing to do', async () => {
    const system = new MessageSystem();
    expect(await system.router.drain(system.actor('t/a/1'), 100)).toBe(true);
    expect(await system.router.drainAll(100)).toBe(true);
  });
});

describe('close', () => {
  it('ends every request with the reason given, and leaves no timer behind', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', { message: () => new Promise(() => {}) });
    const answers = ['1', '2'].map((payload) => system.host.request(a, text(payload)).catch((error) => error.code));
    await system.settle();
    await system.host.topic('t').subscribe(() => {});
    system.router.close(trap());
    expect(await Promise.all(answers)).toEqual(['RUNTIME_TRAP', 'RUNTIME_TRAP']);
    expect(system.clock.nextTimer).toBeUndefined();
    expect(system.router.counters).toMatchObject({ inFlight: 0, openRequests: 0 });
  });
});
