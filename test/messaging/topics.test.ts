import { describe, expect, it, vi } from 'vitest';
import type { ComponentMessage } from '#core/messages';
import { MessageSystem, read, text } from '../support/message-system.ts';

describe('topics', () => {
  it('reach every subscriber, guests and host, with the topic named', async () => {
    const system = new MessageSystem();
    const seen: string[] = [];
    const note = (who: string) => (message: ComponentMessage) =>
      void seen.push(`${who} ${message.metadata.topic} ${read(message.payload)} ${message.sender.name}`);
    const a = system.actor('t/a/1', { message: note('a') });
    const b = system.actor('t/b/1', { message: note('b') });
    system.guests.subscribe(a, 'orders/new');
    system.guests.subscribe(a, 'orders/new');
    system.guests.subscribe(b, 'orders/new');
    const off = await system.host.topic('orders/new').subscribe(note('host'));
    expect(system.guests.publish(b, 'orders/new', text('1'))).toBe(3);
    await system.settle();
    expect(seen).toEqual(['a orders/new 1 b', 'b orders/new 1 b', 'host orders/new 1 b']);
    await off();
    system.guests.unsubscribe(a, 'orders/new');
    expect(await system.host.topic('orders/new').publish(text('2'))).toBe(1);
    expect(await system.host.topic('orders/other').publish(text('3'))).toBe(0);
  });

  it('make a dead letter of what a full subscriber cannot take, and count only who took it', async () => {
    const system = new MessageSystem();
    const slow = system.actor('t/slow/1', {}, { suspended: true, mailbox: { maxMessages: 1 } });
    const a = system.actor('t/a/1');
    for (const subscriber of [slow, a]) system.guests.subscribe(subscriber, 'news');
    expect(await system.host.topic('news').publish(text('1'))).toBe(2);
    expect(await system.host.topic('news').publish(text('2'))).toBe(1);
    expect(system.letters).toMatchObject([
      { reason: 'refused', target: slow.id, error: { code: 'MESSAGING_QUEUE_FULL' } },
    ]);
  });

  it('give a listener of the host one message at a time, and survive one that throws', async () => {
    const failed = vi.fn();
    const system = new MessageSystem({ supervisor: { failed } });
    let running = 0;
    let most = 0;
    await system.host.topic('news').subscribe(async (message) => {
      most = Math.max(most, ++running);
      await null;
      running -= 1;
      if (read(message.payload) === 'bad') throw new Error('listener');
    });
    for (const payload of ['1', 'bad', '3']) await system.host.topic('news').publish(text(payload));
    await system.settle();
    expect(most).toBe(1);
    expect(system.letters).toMatchObject([{ reason: 'failed', error: { code: 'MESSAGING_DELIVERY_FAILED' } }]);
    expect(failed).not.toHaveBeenCalled();
    expect(system.router.counters.handled).toBe(2);
  });

  it('forget an actor that is unloaded', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1');
    system.guests.subscribe(a, 'news');
    system.router.remove(a);
    expect(await system.host.topic('news').publish(text('1'))).toBe(0);
  });

  it('are bounded for each actor', () => {
    const system = new MessageSystem({ maxTopics: 2 });
    const a = system.actor('t/a/1');
    for (const topic of ['1', '2']) system.guests.subscribe(a, topic);
    expect(() => system.guests.subscribe(a, '3')).toThrow(expect.objectContaining({ code: 'MESSAGING_QUEUE_FULL' }));
  });

  it.each(['', '/', 'a//b', 'A', 'a/', '/a', 'a/../b', 'ä', 'a\0', 'a/*', 'x'.repeat(1 << 20), 'a/b/c/d/e/f/g/h/i'])(
    'refuses the name %j',
    (topic) => {
      const system = new MessageSystem();
      const a = system.actor('t/a/1');
      const invalid = expect.objectContaining({ code: 'MESSAGING_INVALID' });
      expect(() => system.guests.subscribe(a, topic)).toThrow(invalid);
      expect(() => system.guests.publish(a, topic, text('x'))).toThrow(invalid);
      expect(() => system.host.topic(topic)).toThrow(invalid);
    },
  );
});
