// Whole systems of real components: what the messaging tests show of scripted actors, once more of guests.
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts';
import { broadcastTo } from '../support/broadcast.ts';
import { lastCallback, order, outcome, puppet } from '../support/puppet.ts';

const GRANTS = ['messaging:send:t/*/*', 'messaging:request:t/*/*'];
let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await puppet();
});

let runtime: Runtime | undefined;
let letters: { reason: string; code: string }[] = [];
afterAll(() => runtime?.close());

async function scene(options: RuntimeOptions = {}): Promise<(name: string) => Promise<ComponentHandle>> {
  await runtime?.close();
  letters = [];
  const fresh = await createRuntime(options);
  runtime = fresh;
  fresh.on('dead-letter', (letter) => letters.push({ reason: letter.reason, code: letter.error?.code ?? '' }));
  return (name) => fresh.load(bytes, { id: `t/${name}/1`, grants: GRANTS });
}
const tell = (handle: ComponentHandle, ...of: Parameters<typeof order>): Promise<Uint8Array | undefined> =>
  (runtime as Runtime).request(handle, order(...of));

/**
 * Waits for what comes in later turns, for as many turns of the event loop as it needs many times over: how long a turn takes
 * is the machine's affair.
 */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 1_000_000; turn++) {
    if (await isSo()) return;
    await setImmediate();
  }
  throw new Error('it did not come to pass');
}

/** The first callback, when it is there: it comes in a later turn than what caused it. */
async function callback(handle: ComponentHandle): Promise<ReturnType<typeof lastCallback>> {
  let last = lastCallback(await tell(handle, 'last'));
  await until(async () => {
    last = lastCallback(await tell(handle, 'last'));
    return last.count > 0;
  });
  expect(last.count).toBe(1);
  return last;
}

describe('components', () => {
  it('send to each other by address, and answers to requests come back through handle-callback', async () => {
    const load = await scene();
    const a = await load('a');
    await load('b');
    expect(outcome(await tell(a, 'request', 'b', order('echo', '', 'hello')))).toBe('ok');
    expect(await callback(a)).toEqual({ count: 1, answer: 'hello' });
    expect(outcome(await tell(a, 'send', 'nobody', 'x'))).toBe('target-not-found');
  });

  it('that send a message back and forth for ever are stopped by the hop limit', async () => {
    const load = await scene({ messaging: { maxHops: 50 } });
    const [a, b] = [await load('a'), await load('b')];
    const turns = () => [a, b].reduce((sum, handle) => sum + (runtime as Runtime).usage(handle).messagesHandled, 0);
    // `a` sends `b` the order to bounce it; each then sends it back to whom it came from, and is at last refused.
    expect(outcome(await tell(a, 'send', 'b', order('bounce')))).toBe('ok');
    await until(() => turns() >= 51);
    for (let n = 0; n < 10; n++) await setImmediate();
    expect(turns()).toBe(51);
  });

  it('that request from themselves are answered in a later turn', async () => {
    const load = await scene();
    const a = await load('a');
    expect(outcome(await tell(a, 'request', 'a', order('echo', '', 'me')))).toBe('ok');
    expect(await callback(a)).toEqual({ count: 1, answer: 'me' });
  });

  it('learn of a failure, once, when who they asked traps', async () => {
    const load = await scene();
    const [a] = [await load('a'), await load('b')];
    expect(outcome(await tell(a, 'request', 'b', order('trap')))).toBe('ok');
    expect(await callback(a)).toEqual({ count: 1, failure: 'delivery-failed', answer: '' });
  });

  it('that trap while their request is open take nothing with them', async () => {
    const load = await scene();
    const [a, b] = [await load('a'), await load('b')];
    await expect(tell(a, 'request, then trap', 'b', order('echo', '', 'x'))).rejects.toMatchObject({
      code: 'RUNTIME_TRAP',
    });
    expect(await tell(b, 'echo', '', 'still here')).toEqual(new Uint8Array(Buffer.from('still here')));
    expect((runtime as Runtime).state(a)).toBe('failed');
  });

  it('that ask each other in a ring get every answer: a turn never waits for another', async () => {
    const load = await scene();
    const [a, , c] = [await load('a'), await load('b'), await load('c')];
    const ring = order('request', 'b', order('request', 'c', order('request', 'a', order('echo', '', 'round'))));
    await (runtime as Runtime).send(a, ring);
    expect(await callback(c)).toEqual({ count: 1, answer: 'round' });
  });

  it('are not filled by a payload larger than their memory: the message is dead, the neighbour lives', async () => {
    const load = await scene({ limits: { maxMemoryBytes: 2 ** 20 } });
    const [a, b] = [await load('a'), await load('b')];
    const huge = Buffer.alloc(2 ** 20, 1);
    await expect((runtime as Runtime).request(a, huge)).rejects.toMatchObject({ code: 'MESSAGING_INVALID' });
    expect(await tell(b, 'echo', '', 'alive')).toEqual(new Uint8Array(Buffer.from('alive')));
  });

  it('broadcast to a thousand others, and each takes it', () => broadcastTo(1_000));

  it('are served while two others keep each other busy for ever', async () => {
    const load = await scene({ messaging: { maxHops: Number.MAX_SAFE_INTEGER } });
    const [a, b, c] = [await load('a'), await load('b'), await load('c')];
    const live = runtime as Runtime;
    for (let ball = 0; ball < 500; ball++) await live.send(a, order('send', 'c', order('bounce')));
    for (let n = 0; n < 20; n++) {
      const before = live.usage(c).messagesHandled;
      expect(await tell(b, 'echo', '', 'me too')).toEqual(new Uint8Array(Buffer.from('me too')));
      await setImmediate();
      expect(live.usage(c).messagesHandled).toBeGreaterThan(before);
    }
    await live.unload(a);
  });

  it('handle every message once and get every answer once, for any orders that they give each other', async () => {
    const load = await scene();
    const handles = new Map<string, ComponentHandle>();
    for (const name of ['a', 'b', 'c']) handles.set(name, await load(name));
    const live = runtime as Runtime;
    const expected = { turns: 0, answers: 0 };
    const seen = async () => {
      let answers = 0;
      for (const handle of handles.values()) answers += lastCallback(await tell(handle, 'last')).count;
      expected.turns += handles.size;
      return answers;
    };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('a', 'b', 'c'), orders, async (first, { bytes: order, turns, answers }) => {
        await live.send(handles.get(first) as ComponentHandle, order);
        expected.turns += turns;
        expected.answers += answers;
        await until(async () => (await seen()) >= expected.answers);
        expect(await seen()).toBe(expected.answers);
        // A callback is a turn of its own, and is no message that was handled.
        const handled = [...handles.values()].reduce((sum, handle) => sum + live.usage(handle).messagesHandled, 0);
        expect(handled - expected.turns).toBeOneOf([0, expected.answers]);
        expect(letters).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

interface Orders {
  readonly bytes: Uint8Array;
  /** Messages that come of it, itself included, and requests among them that reach somebody. */
  readonly turns: number;
  readonly answers: number;
}

const { orders } = fc.letrec<{ orders: Orders }>((tie) => ({
  orders: fc.oneof(
    { maxDepth: 6 },
    fc.string({ maxLength: 20 }).map((text) => ({ bytes: order('echo', '', text), turns: 1, answers: 0 })),
    fc
      .tuple(fc.constantFrom('send', 'request'), fc.constantFrom('a', 'b', 'c', 'nobody'), tie('orders'))
      .map(([verb, name, inner]) => ({
        bytes: order(verb, name, inner.bytes),
        turns: 1 + (name === 'nobody' ? 0 : inner.turns),
        answers: name === 'nobody' ? 0 : inner.answers + (verb === 'request' ? 1 : 0),
      })),
  ),
}));
