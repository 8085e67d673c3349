import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseComponentId } from '#core';
import { MessageSystem, read, text } from '../support/message-system.ts';
import { orderly, trap } from '../support/scripted-engine.ts';

const id = parseComponentId;

describe('a request of the host', () => {
  it('resolves with what the turn gives back', async () => {
    const system = new MessageSystem();
    const echo = system.actor('t/echo/1', { message: ({ payload }) => text(`${read(payload)}!`) });
    expect(read(await system.host.request(echo, text('hello')))).toBe('hello!');
  });

  it('tells the actor who asks, when, and under which correlation id', async () => {
    const system = new MessageSystem();
    const seen = vi.fn();
    const actor = system.actor('t/a/1', {
      message: (message) => void seen({ ...message, metadata: message.metadata }),
    });
    await system.host.request(actor, text('x'), { contentType: 'text/plain', headers: [['k', 'v']] });
    const [{ sender, metadata }] = seen.mock.calls[0]!;
    expect(sender).toEqual(id('vivarium/host/0'));
    expect(metadata).toMatchObject({
      messageId: 1n,
      replyTo: id('vivarium/host/0'),
      contentType: 'text/plain',
      headers: [['k', 'v']],
      timestamp: { seconds: 1_700_000_000n, nanoseconds: 0 },
    });
    expect(metadata.correlationId).toMatch(/^[\w-]{24}$/);
  });

  it('ends at its deadline, and the answer that comes after is dropped and counted', async () => {
    const system = new MessageSystem();
    let finish: (reply: Uint8Array) => void = () => {};
    const slow = system.actor('t/slow/1', {
      message: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    const answer = system.host.request(slow, text('x'), { timeoutMs: 500 });
    const outcome = expect(answer).rejects.toMatchObject({ code: 'MESSAGING_TIMEOUT' });
    await system.settle();
    system.clock.advance(499);
    expect(system.router.counters.timedOut).toBe(0);
    system.clock.advance(1);
    await outcome;
    finish(text('late'));
    await system.settle();
    expect(system.router.counters).toMatchObject({ timedOut: 1, answered: 0, lateReplies: 1, handled: 1 });
  });

  it('is too late when the turn itself took longer than the time-out', async () => {
    const system = new MessageSystem();
    const busy = system.actor('t/busy/1', {
      message: () => {
        system.clock.spend(501);
        return text('done');
      },
    });
    await expect(system.host.request(busy, text('x'), { timeoutMs: 500 })).rejects.toMatchObject({
      code: 'MESSAGING_TIMEOUT',
    });
  });

  it('that timed out while it waited gets no turn', async () => {
    const system = new MessageSystem();
    const actor = system.actor('t/a/1', {}, { suspended: true });
    const outcome = expect(system.host.request(actor, text('x'), { timeoutMs: 10 })).rejects.toMatchObject({
      code: 'MESSAGING_TIMEOUT',
    });
    system.clock.advance(10);
    system.router.resume(actor);
    await outcome;
    await system.settle();
    expect(system.engine.turns).toBe(0);
    expect(system.reasons).toEqual(['expired']);
  });

  it('ends when its signal is aborted, and keeps the reason', async () => {
    const system = new MessageSystem();
    const actor = system.actor('t/a/1', {}, { suspended: true });
    const controller = new AbortController();
    const answer = system.host.request(actor, text('x'), { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(answer).rejects.toMatchObject({ code: 'MESSAGING_CANCELLED', cause: new Error('changed my mind') });
    const early = system.host.request(actor, text('x'), { signal: AbortSignal.abort() });
    await expect(early).rejects.toMatchObject({ code: 'MESSAGING_CANCELLED' });
    system.router.resume(actor);
    await system.settle();
    expect(system.engine.turns).toBe(0);
    expect(system.reasons).toEqual(['cancelled']);
  });

  it("rejects with the turn's own error, and a trap makes the message a dead letter", async () => {
    const failed = vi.fn();
    const system = new MessageSystem({ supervisor: { failed } });
    const actor = system.actor('t/a/1', {
      message: ({ payload }) => {
        throw read(payload) === 'trap' ? trap() : orderly('no such thing');
      },
    });
    await expect(system.host.request(actor, text('x'))).rejects.toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR' });
    expect(system.letters).toEqual([]);
    expect(failed).not.toHaveBeenCalled();
    await expect(system.host.request(actor, text('trap'))).rejects.toMatchObject({ code: 'RUNTIME_TRAP' });
    expect(system.reasons).toEqual(['failed']);
    expect(failed).toHaveBeenCalledExactlyOnceWith(actor, expect.objectContaining({ code: 'RUNTIME_TRAP' }));
  });

  it('is refused for an unknown handle, a payload that is no bytes, and one too large for the receiver', async () => {
    const system = new MessageSystem();
    const gone = system.actor('t/gone/1');
    system.router.remove(gone);
    await expect(system.host.request(gone, text('x'))).rejects.toMatchObject({ code: 'MESSAGING_TARGET_NOT_FOUND' });
    const actor = system.actor('t/a/1', {}, { mailbox: { maxMessageBytes: 4 } });
    await expect(system.host.request(actor, 'x' as never)).rejects.toMatchObject({ code: 'MESSAGING_INVALID' });
    await expect(system.host.request(actor, text('12345'))).rejects.toMatchObject({ code: 'MESSAGING_INVALID' });
    expect(system.router.counters).toMatchObject({ requests: 0, offered: 1, refused: 1 });
  });

  it('ends when its target is unloaded, waiting or running', async () => {
    const system = new MessageSystem();
    const actor = system.actor('t/a/1', { message: () => new Promise(() => {}) });
    const running = system.host.request(actor, text('1'));
    const waiting = system.host.request(actor, text('2'));
    await system.settle();
    system.router.remove(actor);
    await expect(running).rejects.toMatchObject({ code: 'MESSAGING_TARGET_NOT_FOUND' });
    await expect(waiting).rejects.toMatchObject({ code: 'MESSAGING_TARGET_NOT_FOUND' });
    expect(system.reasons).toEqual(['removed', 'removed']);
    expect(system.router.counters.inFlight).toBe(0);
  });
});

describe('a request of a guest', () => {
  let system: MessageSystem;
  afterEach(() => expect(system.router.counters.inFlight).toBe(0));

  it('is answered through its callback, with the correlation id that it was given', async () => {
    system = new MessageSystem();
    let asked = '';
    const callback = vi.fn();
    const a = system.actor('t/a/1', {
      message: (_, self) => {
        asked = system.guests.request(self, id('t/b/1'), text('question'), 100);
        return undefined;
      },
      callback,
    });
    system.actor('t/b/1', { message: () => text('answer') });
    await system.host.send(a, text('go'));
    await system.settle();
    const [message] = callback.mock.calls[0]!;
    expect(read(message.payload)).toBe('answer');
    expect(message.sender).toEqual(id('t/b/1'));
    expect(message.metadata).toMatchObject({ correlationId: asked, failure: undefined });
  });

  it('tells of a failure: trap, time-out, target unloaded', async () => {
    system = new MessageSystem();
    const failures: unknown[] = [];
    const a = system.actor('t/a/1', {
      message: ({ payload }, self) => void system.guests.request(self, id(read(payload)), text('q'), 100),
      callback: ({ metadata }) => void failures.push(metadata.failure?.tag),
    });
    system.actor('t/trap/1', {
      message: () => {
        throw trap();
      },
    });
    system.actor('t/mute/1', {}, { suspended: true });
    const gone = system.actor('t/gone/1', {}, { suspended: true });
    for (const target of ['t/trap/1', 't/mute/1', 't/gone/1']) await system.host.send(a, text(target));
    await system.settle();
    system.router.remove(gone);
    system.clock.advance(100);
    await system.settle();
    expect(failures).toEqual(['delivery-failed', 'target-not-found', 'correlation-timeout']);
    system.router.close(trap());
  });

  it('is cancelled by its maker alone', async () => {
    system = new MessageSystem();
    const b = system.actor('t/b/1', {}, { suspended: true });
    const a = system.actor('t/a/1');
    const thief = system.actor('t/thief/1');
    const correlationId = system.guests.request(a, id('t/b/1'), text('q'), 100);
    expect(() => system.guests.cancelRequest(thief, correlationId)).toThrow(
      expect.objectContaining({ code: 'MESSAGING_INVALID' }),
    );
    expect(system.router.counters.forgedReplies).toBe(1);
    system.guests.cancelRequest(a, correlationId);
    expect(() => system.guests.cancelRequest(a, correlationId)).toThrow();
    system.router.resume(b);
    await system.settle();
    expect(system.reasons).toEqual(['cancelled']);
    expect(system.router.counters).toMatchObject({ cancelled: 1, answered: 0 });
  });

  it('is forgotten when its maker is restarted before the answer', async () => {
    system = new MessageSystem();
    const callback = vi.fn();
    const a = system.actor('t/a/1', { callback });
    system.actor('t/b/1', { message: () => text('answer') });
    system.guests.request(a, id('t/b/1'), text('q'), 100);
    system.router.suspend(a);
    system.router.resume(a);
    await system.settle();
    expect(callback).not.toHaveBeenCalled();
    expect(system.router.counters).toMatchObject({ cancelled: 1, answered: 0 });
  });

  it('is refused when too many are open', async () => {
    system = new MessageSystem({ maxOpenRequests: 2 });
    const a = system.actor('t/a/1');
    const b = system.actor('t/b/1', {}, { suspended: true });
    system.guests.request(a, id('t/b/1'), text('q'), 100);
    system.guests.request(a, id('t/b/1'), text('q'), 100);
    expect(() => system.guests.request(a, id('t/b/1'), text('q'), 100)).toThrow(
      expect.objectContaining({ code: 'MESSAGING_QUEUE_FULL' }),
    );
    system.router.resume(b);
    await system.settle();
    expect(system.router.counters).toMatchObject({ requests: 2, answered: 2 });
  });
});
