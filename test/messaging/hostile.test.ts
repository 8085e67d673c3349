import { describe, expect, it } from 'vitest';
import { type ComponentHandle, parseComponentId } from '#core';
import { VivariumError } from '#core/errors';
import { MessageSystem, read, text } from '../support/message-system.ts';
import { trap } from '../support/scripted-engine.ts';

const id = parseComponentId;

describe('hostile actors', () => {
  it('that message each other for ever are stopped by the hop limit', async () => {
    const system = new MessageSystem({ maxHops: 50 });
    const refusals: unknown[] = [];
    const bounce = (to: string) => (_: unknown, self: ComponentHandle) => {
      try {
        system.guests.send(self, id(to), text('ball'));
      } catch (error) {
        refusals.push(error);
      }
      return undefined;
    };
    const a = system.actor('t/a/1', { message: bounce('t/b/1') });
    system.actor('t/b/1', { message: bounce('t/a/1') });
    await system.host.send(a, text('ball'));
    await system.settle();
    expect(system.engine.turns).toBe(51);
    expect(refusals).toMatchObject([{ code: 'MESSAGING_DELIVERY_FAILED' }]);
  });

  it('that keep a chain going through answers are stopped too', async () => {
    const system = new MessageSystem({ maxHops: 50 });
    let refused = 0;
    const ask = (_: unknown, self: ComponentHandle) => {
      try {
        system.guests.request(self, id('t/b/1'), text('?'), 1_000);
      } catch {
        refused += 1;
      }
    };
    const a = system.actor('t/a/1', { message: (message, self) => void ask(message, self), callback: ask });
    system.actor('t/b/1', { message: () => text('!') });
    await system.host.send(a, text('go'));
    await system.settle();
    expect(refused).toBe(1);
    expect(system.engine.turns).toBeLessThan(60);
  });

  it('that ask each other and wait are a deadlock, and the one that closes the circle is told so at once', async () => {
    const system = new MessageSystem();
    const outcomes: Record<string, string> = {};
    const asks = (to: string) => async (_: unknown, self: ComponentHandle) => {
      try {
        return await system.guests.ask(self, id(to), text('?'), 100);
      } catch (error) {
        outcomes[self.id.name] = (error as VivariumError).code;
        if ((error as VivariumError).code === 'MESSAGING_DEADLOCK') {
          expect((error as Error).message).toContain('t/c/1 → t/a/1 → t/b/1 → t/c/1');
        }
        return text('gave up');
      }
    };
    const a = system.actor('t/a/1', { message: asks('t/b/1') });
    system.actor('t/b/1', { message: asks('t/c/1') });
    system.actor('t/c/1', { message: asks('t/a/1') });
    const answer = system.host.request(a, text('go'), { timeoutMs: 1_000 });
    await system.settle();
    expect(read(await answer)).toBe('gave up');
    expect(outcomes).toEqual({ c: 'MESSAGING_DEADLOCK' });
    await system.settle();
    expect(system.router.counters).toMatchObject({ inFlight: 0, openRequests: 0 });
  });

  it('that ask themselves and wait are a deadlock of one', async () => {
    const system = new MessageSystem();
    let code = '';
    const a = system.actor('t/a/1', {
      message: async (_, self) => {
        await system.guests.ask(self, self.id, text('?'), 100).then(undefined, (error) => {
          code = (error as VivariumError).code;
        });
        return undefined;
      },
    });
    await system.host.send(a, text('go'));
    await system.settle();
    system.clock.advance(100);
    await system.settle();
    expect(code).toBe('MESSAGING_DEADLOCK');
  });

  it('that are only slow are no deadlock', async () => {
    const system = new MessageSystem();
    let code = '';
    const a = system.actor('t/a/1', {
      message: async (_, self) => {
        await system.guests.ask(self, id('t/slow/1'), text('?'), 100).then(undefined, (error) => {
          code = (error as VivariumError).code;
        });
        return undefined;
      },
    });
    system.actor('t/slow/1', { message: () => new Promise(() => {}) });
    await system.host.send(a, text('go'));
    await system.settle();
    system.clock.advance(100);
    await system.settle();
    expect(code).toBe('MESSAGING_TIMEOUT');
  });

  it('may request from themselves: the answer comes in a later turn', async () => {
    const system = new MessageSystem();
    let answer = '';
    const a = system.actor('t/a/1', {
      message: ({ metadata, payload }, self) => {
        if (metadata.correlationId === undefined) void system.guests.request(self, self.id, text('me'), 100);
        return payload;
      },
      callback: ({ payload }) => {
        answer = read(payload);
      },
    });
    await system.host.send(a, text('go'));
    await system.settle();
    expect(answer).toBe('me');
  });

  it('cannot make a neighbour fail with a payload that it does not take', () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1');
    const b = system.actor('t/b/1', {}, { mailbox: { maxMessageBytes: 1_024 } });
    const invalid = expect.objectContaining({ code: 'MESSAGING_INVALID' });
    expect(() => system.guests.send(a, b.id, new Uint8Array(2 ** 20))).toThrow(invalid);
    expect(() => system.guests.request(a, b.id, new Uint8Array(2 ** 20), 100)).toThrow(invalid);
    expect(system.router.counters).toMatchObject({ requests: 0, inFlight: 0 });
  });

  it('cannot fill the mailbox of who asks them with answers: one too large becomes a failure', async () => {
    const system = new MessageSystem();
    const outcomes: unknown[] = [];
    const a = system.actor(
      't/a/1',
      { callback: ({ payload, metadata }) => void outcomes.push([payload.length, metadata.failure?.tag]) },
      { mailbox: { maxBytes: 1_000 } },
    );
    system.actor('t/b/1', { message: () => new Uint8Array(2_000) });
    system.guests.request(a, id('t/b/1'), text('?'), 100);
    await system.settle();
    expect(outcomes).toEqual([[0, 'queue-full']]);
    expect(system.reasons).toEqual(['refused']);
  });

  it('reach nobody with ids that are none', () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1');
    const bad = ['a\0', '..', 'é', 'x'.repeat(1 << 20), '', 'a/b', '%2e'].map((part) => ({
      namespace: part,
      name: 'a',
      instance: '1',
    }));
    for (const target of [...bad, { namespace: 't/a', name: '1', instance: '' }]) {
      expect(() => system.guests.send(a, target, text('x'))).toThrow(
        expect.objectContaining({ code: 'CORE_INVALID_ID' }),
      );
    }
  });

  it('broadcast to ten thousand targets: each takes it, or its letter is dead', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1');
    const targets = Array.from({ length: 10_000 }, (_, index) => id(`t/many/${index}`));
    for (const target of targets.slice(0, 9_990)) system.actor(`t/many/${target.instance}`);
    expect(system.guests.broadcast(a, targets, text('hello'))).toBe(9_990);
    await system.settle();
    expect(system.router.counters).toMatchObject({ offered: 10_000, handled: 9_990, deadLettered: 10 });
    expect(system.router.deadLetters.list()).toHaveLength(10);
  });

  it('cannot reach what they were not granted, and do not learn whether it exists', () => {
    const asked: string[] = [];
    const system = new MessageSystem({
      authority: {
        authorise: (from, action, target) => {
          asked.push(`${from.id.name} ${action} ${target}`);
          throw new VivariumError('SECURITY_PERMISSION_DENIED', 'no');
        },
      },
    });
    const a = system.actor('t/a/1');
    const denied = expect.objectContaining({ code: 'SECURITY_PERMISSION_DENIED' });
    system.actor('t/b/1');
    expect(() => system.guests.send(a, id('t/b/1'), text('x'))).toThrow(denied);
    expect(() => system.guests.request(a, id('t/none/1'), text('x'), 1)).toThrow(denied);
    expect(() => system.guests.broadcast(a, [id('t/b/1')], text('x'))).toThrow(denied);
    expect(() => system.guests.publish(a, 'news', text('x'))).toThrow(denied);
    expect(() => system.guests.subscribe(a, 'news')).toThrow(denied);
    expect(asked).toEqual([
      'a send t/b/1',
      'a request t/none/1',
      'a broadcast t/b/1',
      'a publish news',
      'a subscribe news',
    ]);
    expect(system.router.counters.offered).toBe(0);
  });

  it('that trap while their own request is open get no answer for it, and their target goes on', async () => {
    const system = new MessageSystem({ supervisor: { failed: (handle) => system.router.suspend(handle) } });
    let callbacks = 0;
    const a = system.actor('t/a/1', {
      message: (_, self) => {
        system.guests.request(self, id('t/b/1'), text('?'), 100);
        throw trap();
      },
      callback: () => {
        callbacks += 1;
      },
    });
    const b = system.actor('t/b/1', { message: () => text('!') });
    await system.host.send(a, text('go'));
    await system.settle();
    system.router.resume(a);
    expect(read(await system.host.request(b, text('?')))).toBe('!');
    await system.settle();
    expect(callbacks).toBe(0);
    expect(system.router.counters).toMatchObject({ requests: 2, answered: 1, cancelled: 1 });
  });

  it('may unload themselves in the middle of a turn', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', {
      message: (_, self) => {
        system.router.remove(self);
        return text('still here');
      },
    });
    await expect(system.host.request(a, text('x'))).rejects.toMatchObject({ code: 'MESSAGING_TARGET_NOT_FOUND' });
    expect(system.router.counters).toMatchObject({ inFlight: 0, handled: 0, deadLettered: 1, lateReplies: 1 });
  });
});

describe('dead letters', () => {
  it('are kept up to a number and to a sum of bytes, the oldest go first, and each is told of', async () => {
    const system = new MessageSystem({ deadLetters: { maxLetters: 3, maxBytes: 100 } });
    const send = async (size: number) => {
      const actor = system.actor(`t/a/${system.letters.length}`, {}, { suspended: true });
      await system.host.send(actor, new Uint8Array(size));
      system.router.remove(actor);
    };
    for (let size = 1; size <= 5; size++) await send(size);
    expect(system.letters).toHaveLength(5);
    const sizes = () => system.router.deadLetters.list().map(({ message }) => message.payload.length);
    expect(sizes()).toEqual([3, 4, 5]);
    await send(95);
    expect(sizes()).toEqual([5, 95]);
    await send(1_000);
    expect(sizes()).toEqual([]);
  });
});
