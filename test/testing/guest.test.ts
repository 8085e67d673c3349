import { describe, expect, it } from 'vitest';
import { FakeFailure, GuestError, testActor } from '../../src/testing/index.ts';

const modern = new URL('../guest/guests/modern.ts', import.meta.url);
const probe = new URL('../guest/guests/probe.ts', import.meta.url);

describe("a guest's module in Node", () => {
  it('answers as its component does, and waits for nothing', async () => {
    const actor = await testActor(modern, { env: { NAME: 'Ada' }, now: 1_000 });
    expect(actor.request({ started: null })).toEqual(['ready at the start', 'Ada']);
    expect(actor.request({ double: 21 })).toBe(42);
    expect(actor.request({ elapsed: null })).toBeLessThan(1_000);
    expect(actor.host.now).toBeGreaterThan(1_020);
    expect(actor.host.logs[0]).toMatchObject({ level: 'info', message: expect.stringContaining('made once') });
    expect(actor.request('plain')).toEqual({ got: 'plain' });
    expect(actor.request({ missing: 'process' })).toContain('ReferenceError: process');
  });

  it('fails with the tag, the message and the place that the guest threw', async () => {
    const actor = await testActor(modern);
    const error = ((): unknown => {
      try {
        return actor.request({ rejects: null });
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(GuestError);
    expect(error).toMatchObject({ tag: 'runtime-error', message: 'RangeError: too far' });
    expect((error as Error).stack).toMatch(/modern\.ts:\d+:\d+/);
  });

  it('finds what the test gives: answers, a fetch, storage', async () => {
    const actor = await testActor(modern, {
      answers: {
        't/tax/1': (value) => (typeof value === 'string' ? `told ${value}` : value),
        't/nobody/1': () => {
          throw new FakeFailure('queue-full', 'no room');
        },
      },
      fetch: (url, { method, body }) => ({ status: 201, headers: { 'x-kind': method }, body: `${url} ${body}` }),
    });
    expect(actor.request({ asks: 't/tax/1' })).toEqual([{ double: 21 }, 'told plain']);
    expect(actor.request({ asksNobody: null })).toBe('MessageError: no room');
    const url = 'https://example.org/';
    expect(actor.request({ fetches: { url, body: 'b' } })).toEqual([201, 'POST', `${url} b`, `${url} b`]);
  });

  it('shows what the guest did: messages, requests, topics, storage', async () => {
    const actor = await testActor(probe, { id: 't/probe/1' });
    expect(actor.host.topics).toEqual(new Set(['probe/all']));
    actor.send({ send: { to: 't/other/1', text: 'hello' } });
    actor.request({ publish: 'news' });
    actor.request({ ask: { to: 't/other/1', text: 'question', timeoutMs: 0 } });
    actor.request({ store: 'kept' });
    expect(actor.host.sent).toEqual([{ to: 't/other/1', value: 'hello' }]);
    expect(actor.host.published).toEqual([{ topic: 'probe/all', value: 'news' }]);
    expect(Buffer.from(actor.host.storage.get('text') ?? []).toString()).toBe('kept');
    const [asked] = actor.host.requests;
    actor.reply(asked?.id ?? '', 'answer');
    actor.request({ ask: { to: 't/other/1', text: 'again', timeoutMs: 0 } });
    actor.fail(actor.host.requests[1]?.id ?? '', 'correlation-timeout');
    actor.publishTo('probe/all', 'heard');
    expect(actor.request({ seen: null })).toEqual([
      ' 0 true',
      'answer answer from test/sender/1',
      'no answer: correlation-timeout',
      'probe/all: heard',
    ]);
    expect(actor.health()).toBe('healthy');
    actor.stop();
    expect(actor.host.sent.at(-1)).toMatchObject({ to: 't/probe/1', value: 'from shutdown' });
    expect(Promise.resolve().constructor.name).toBe('Promise');
  });
});
