import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseComponentId } from '#core';
import { MessageSystem, read, text } from '../support/message-system.ts';
import { orderly, trap } from '../support/scripted-engine.ts';

const id = parseComponentId;
const full = expect.objectContaining({ code: 'MESSAGING_QUEUE_FULL' });

describe('a mailbox', () => {
  it('refuses what is more than its messages, and tells the sender', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', {}, { suspended: true, mailbox: { maxMessages: 2 } });
    const b = system.actor('t/b/1');
    await system.host.send(a, text('1'));
    system.guests.send(b, a.id, text('2'));
    await expect(system.host.send(a, text('3'))).rejects.toThrow(full);
    expect(() => system.guests.send(b, a.id, text('4'))).toThrow(full);
    expect(system.router.counters).toMatchObject({ offered: 4, refused: 2, inFlight: 2 });
  });

  it('refuses what is more than its bytes; empty messages are not free', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', {}, { suspended: true, mailbox: { maxBytes: 300 } });
    await system.host.send(a, new Uint8Array(200));
    await expect(system.host.send(a, new Uint8Array(100))).rejects.toThrow(full);
    const b = system.actor('t/b/1', {}, { suspended: true, mailbox: { maxBytes: 640 } });
    for (let sent = 0; sent < 10; sent++) await system.host.send(b, new Uint8Array(0));
    await expect(system.host.send(b, new Uint8Array(0))).rejects.toThrow(full);
  });

  it('drops the oldest where that was asked for, and its asker is told', async () => {
    const system = new MessageSystem();
    const seen: string[] = [];
    const message = ({ payload }: { payload: Uint8Array }) => void seen.push(read(payload));
    const a = system.actor(
      't/a/1',
      { message },
      { suspended: true, mailbox: { maxMessages: 2, overflow: 'drop-oldest' } },
    );
    const first = expect(system.host.request(a, text('1'))).rejects.toThrow(full);
    for (const payload of ['2', '3']) await system.host.send(a, text(payload));
    await first;
    system.router.resume(a);
    await system.settle();
    expect(seen).toEqual(['2', '3']);
    expect(system.reasons).toEqual(['dropped']);
  });

  it('never drops an answer that is owed to its actor', async () => {
    const system = new MessageSystem();
    const seen: string[] = [];
    const a = system.actor(
      't/a/1',
      {
        message: ({ payload }) => void seen.push(read(payload)),
        callback: ({ payload }) => void seen.push(`answer ${read(payload)}`),
      },
      { mailbox: { maxMessages: 2, overflow: 'drop-oldest' } },
    );
    system.actor('t/b/1', { message: () => text('42') });
    system.router.suspend(a);
    system.guests.request(a, id('t/b/1'), text('?'), 100);
    await system.settle();
    for (const payload of ['1', '2', '3']) await system.host.send(a, text(payload));
    system.router.resume(a);
    await system.settle();
    expect(seen).toEqual(['answer 42', '3']);
  });

  it('lets the host wait for room, in order', async () => {
    const system = new MessageSystem();
    const seen: string[] = [];
    const message = ({ payload }: { payload: Uint8Array }) => void seen.push(read(payload));
    const a = system.actor('t/a/1', { message }, { suspended: true, mailbox: { maxMessages: 1, overflow: 'wait' } });
    let admitted = 0;
    const sends = ['1', '2', '3'].map((payload) => system.host.send(a, text(payload)).then(() => admitted++));
    const answer = system.host.request(a, text('4'));
    await system.settle();
    expect(admitted).toBe(1);
    system.router.resume(a);
    await Promise.all([...sends, answer]);
    expect(seen).toEqual(['1', '2', '3', '4']);
    expect(system.router.counters).toMatchObject({ offered: 4, handled: 4, refused: 0 });
  });

  it('refuses those that wait when its actor is unloaded', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', {}, { suspended: true, mailbox: { maxMessages: 1, overflow: 'wait' } });
    await system.host.send(a, text('1'));
    const waiting = system.host.send(a, text('2'));
    const asking = system.host.request(a, text('3'));
    system.router.remove(a);
    await expect(waiting).rejects.toMatchObject({ code: 'MESSAGING_TARGET_NOT_FOUND' });
    await expect(asking).rejects.toMatchObject({ code: 'MESSAGING_TARGET_NOT_FOUND' });
    expect(system.router.counters).toMatchObject({ inFlight: 0, openRequests: 0 });
  });

  it('keeps a message whose turn trapped, for the fresh instance, until it is poison', async () => {
    let tries = 0;
    const system = new MessageSystem({ supervisor: { failed: (handle) => system.router.suspend(handle) } });
    const seen: string[] = [];
    const a = system.actor(
      't/a/1',
      {
        message: ({ payload }) => {
          if (read(payload) !== 'poison') return void seen.push(read(payload));
          tries += 1;
          throw trap();
        },
      },
      { maxAttempts: 3 },
    );
    const answer = system.host.request(a, text('poison')).catch((error) => error.code);
    await system.host.send(a, text('next'));
    for (let restart = 0; restart < 3; restart++) {
      await system.settle();
      expect(seen).toEqual([]);
      system.router.resume(a);
    }
    await system.settle();
    expect(tries).toBe(3);
    expect(system.reasons).toEqual(['poison']);
    expect(await answer).toBe('RUNTIME_TRAP');
    expect(seen).toEqual(['next']);
  });

  it('makes a dead letter of a message whose turn failed in order, when nobody waits for the answer', async () => {
    const system = new MessageSystem();
    const a = system.actor('t/a/1', {
      message: () => {
        throw orderly('no');
      },
    });
    await system.host.send(a, text('1'));
    await system.settle();
    expect(system.letters).toMatchObject([
      { reason: 'failed', target: a.id, error: { code: 'RUNTIME_COMPONENT_ERROR' } },
    ]);
  });

  it("gives the host's own task the next turn, before all that waits", async () => {
    const system = new MessageSystem();
    const order: string[] = [];
    const message = ({ payload }: { payload: Uint8Array }) => void order.push(read(payload));
    const a = system.actor('t/a/1', { message }, { suspended: true });
    await system.host.send(a, text('1'));
    const task = system.router.runTask(a, {
      run: () => {
        order.push('task');
        return 7;
      },
    });
    const bad = expect(system.router.runTask(a, { run: () => Promise.reject(trap()) })).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
    });
    system.router.resume(a);
    expect(await task).toBe(7);
    await bad;
    await system.settle();
    expect(order).toEqual(['task', '1']);
  });

  it('is first in, first out between any two parties, however turns are suspended', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.boolean()), { maxLength: 40 }),
        async (sends) => {
          const system = new MessageSystem();
          const seen: string[] = [];
          const receiver = system.actor('t/r/1', {
            message: ({ payload }) => {
              seen.push(read(payload));
              return payload.length % 2 === 0 ? undefined : Promise.resolve(undefined);
            },
          });
          const senders = [0, 1].map((index) => system.actor(`t/s/${index}`));
          for (const [index, [from, pause]] of sends.entries()) {
            const payload = text(`${from}:${index}`);
            if (from === 2) await system.host.send(receiver, payload);
            else system.guests.send(senders[from]!, receiver.id, payload);
            if (pause) await null;
          }
          await system.settle();
          for (const from of [0, 1, 2]) {
            const mine = (list: string[]) => list.filter((each) => each.startsWith(`${from}:`));
            expect(mine(seen)).toEqual(mine(sends.map(([who], index) => `${who}:${index}`)));
          }
          expect(system.engine.overlaps).toBe(0);
        },
      ),
      { numRuns: 30 },
    );
  });
});
