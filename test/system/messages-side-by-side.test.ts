// Messages that one actor handles side by side: `concurrency` with actors of vivarium:actor@0.2.0.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type ComponentHandle,
  createRuntime,
  type DeadLetter,
  type LoadOptions,
  type RuntimeOptions,
} from '../../src/index.ts';
import { TestClock } from '../../src/testing/clock.ts';
import { settled, watch } from '../support/settled.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ACTOR = readFileSync('test/toolchains/components/rust-actor.wasm');

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());
const root = folder.path;
beforeAll(async () => {
  // The process that builds it is bounded by time, which passes by steps in these tests.
  await using runtime = await createRuntime({ cache: { root } });
  await runtime.load(ACTOR);
});

async function scene(messaging: RuntimeOptions['messaging'] = {}) {
  const clock = new TestClock();
  const runtime = watch(
    await createRuntime({
      cache: { root },
      messaging,
      overrides: { clock },
      limits: { maxExecutionTimeMs: 5_000 },
    }),
  );
  onTestFinished(() => runtime.close());
  const logs: string[] = [];
  runtime.on('log', ({ message }) => void logs.push(message));
  const letters: DeadLetter[] = [];
  runtime.on('dead-letter', (letter) => void letters.push(letter));
  let count = 0;
  const load = async (options: LoadOptions = {}): Promise<ComponentHandle> => {
    count += 1;
    const given = { id: `demo/actor/${count}`, grants: ['messaging:*:**', 'storage:*:**'], concurrency: 3, ...options };
    // It sleeps for no time when it begins, and the clock stands still.
    return clock.during(runtime.load(ACTOR, given));
  };
  /** The answer, or what ended the request. */
  const ask = (to: ComponentHandle, message: string, timeoutMs = 60_000): Promise<unknown> =>
    runtime
      .request(to, Buffer.from(message), { timeoutMs })
      .then((bytes) => (bytes === undefined ? undefined : Buffer.from(bytes).toString()))
      .catch((error: unknown) => error);
  const at = (handle: ComponentHandle): number =>
    runtime.components().find((each) => each.handle === handle)?.mailbox.messages ?? -1;
  return { clock, runtime, logs, letters, load, ask, waiting: at };
}

const code = (error: unknown): unknown => (error as { code?: unknown }).code;

describe('messages of one actor', () => {
  it('are handled side by side, as many as `concurrency` says, and the others wait in order', async () => {
    const { runtime, clock, load, ask, waiting } = await scene();
    const actor = await load();
    const ended: unknown[] = [];
    const asked = ['300 a', '100 b', '200 c', '10 d', '10 e'].map((each) =>
      ask(actor, `sleep ${each}`).then((answer) => void ended.push(answer)),
    );
    await settled();
    expect([waiting(actor), runtime.state(actor)]).toEqual([2, 'waiting']);
    clock.advance(100);
    await settled();
    expect([ended, waiting(actor)]).toEqual([['b'], 1]);
    clock.advance(10);
    await settled();
    expect([ended, waiting(actor)]).toEqual([['b', 'd'], 0]);
    clock.advance(10);
    await settled();
    clock.advance(300);
    await Promise.all(asked);
    expect(ended).toEqual(['b', 'd', 'e', 'c', 'a']);
    expect(await ask(actor, 'most-at-once')).toBe('3');
    await expect.poll(() => runtime.usage(actor).messagesHandled).toBe(6);
    expect(runtime.messages).toMatchObject({
      handled: 6,
      deadLettered: 0,
      inFlight: 0,
      openRequests: 0,
      lateReplies: 0,
    });
  });

  it('are handled one after the other by default, in their order', async () => {
    const { clock, load, ask } = await scene();
    const actor = await load({ concurrency: 1 });
    const ended: unknown[] = [];
    const asked = ['30 a', '10 b', '20 c'].map((each) =>
      ask(actor, `sleep ${each}`).then((answer) => void ended.push(answer)),
    );
    for (let round = 0; round < 3; round++) {
      await settled();
      clock.advance(30);
    }
    await Promise.all(asked);
    expect(ended).toEqual(['a', 'b', 'c']);
    expect(await ask(actor, 'most-at-once')).toBe('1');
  });

  it('go on beside calls of exports', async () => {
    const { runtime, clock, load, ask } = await scene();
    const actor = await load();
    const asked = ask(actor, 'sleep 100 a');
    await settled();
    expect(await runtime.call(actor, 'lifecycle#health')).toBe('healthy');
    clock.advance(100);
    expect(await asked).toBe('a');
  });

  it('all end with the instance where one of them ends it, each told why, and it is restarted once', async () => {
    const { runtime, clock, load, ask, letters } = await scene();
    const actor = await load({ supervision: { restart: 'permanent', backoffMs: 0 } });
    let restarts = 0;
    runtime.on('restart', () => {
      restarts += 1;
    });
    const others = [ask(actor, 'sleep 60000 a'), ask(actor, 'sleep 60000 b')];
    expect(await ask(actor, 'then 0 trap')).toBe('answered');
    await settled();
    clock.advance(1);
    for (const other of others) {
      expect(await other).toMatchObject({ code: 'RUNTIME_INSTANCE_ENDED', cause: { code: 'RUNTIME_TRAP' } });
    }
    await settled();
    clock.advance(1);
    expect(await clock.during(ask(actor, 'echo again'))).toBe('again');
    expect(restarts).toBe(1);
    expect(letters.map(({ reason, error }) => [reason, code(error)])).toEqual([
      ['failed', 'RUNTIME_INSTANCE_ENDED'],
      ['failed', 'RUNTIME_INSTANCE_ENDED'],
    ]);
    // The message that trapped after its answer was handled.
    expect(runtime.messages).toMatchObject({ handled: 2, deadLettered: 2, inFlight: 0, openRequests: 0 });
  });

  it('begin again in their order after a restart, as often as they may', async () => {
    const { runtime, clock, load, ask, letters } = await scene();
    const actor = await load({ supervision: { restart: 'permanent', backoffMs: 0, maxAttempts: 2 } });
    const ended: unknown[] = [];
    const others = ['a', 'b'].map((each) => ask(actor, `sleep 50 ${each}`).then((answer) => void ended.push(answer)));
    const trapping = ask(actor, 'then 10 trap');
    const behind = ask(actor, 'echo behind').then((answer) => void ended.push(answer));
    await trapping;
    await settled();
    clock.advance(10);
    await settled();
    clock.advance(1);
    await settled();
    clock.advance(1);
    await settled();
    clock.advance(60);
    await Promise.all([...others, behind]);
    await settled();
    expect(ended).toEqual(['behind', 'a', 'b']);
    expect(letters).toEqual([]);
    expect(runtime.messages).toMatchObject({ handled: 4, deadLettered: 0, inFlight: 0 });
  });

  it('end one by one when their time is over', async () => {
    const { runtime, clock, load, ask } = await scene();
    // A callback of this guest's answers to a cancellation by a trap, unless nothing waits for it: so the whole instance ends here.
    const actor = await load({ limits: { maxTurnTimeMs: 1_000 } });
    const answered = ask(actor, 'then 5000 late');
    const first = await answered;
    await settled();
    clock.advance(500);
    const other = ask(actor, 'sleep 600 b');
    await settled();
    clock.advance(501);
    await settled();
    expect(first).toBe('answered');
    expect(runtime.state(actor)).toBe('waiting');
    clock.advance(200);
    expect(await other).toBe('b');
  });

  it('are the cause of what their own turns send, and of nothing else', async () => {
    const { clock, runtime, load, ask, letters } = await scene();
    const [one, two] = [await load(), await load()];
    // Both turns of `one` wait for `two`, whose turns run side by side, too.
    const id = 'demo/actor/2';
    const asked = ['x', 'y'].map((each) => ask(one, `ask sleep+20+${each} ${id} ${id}`));
    expect(await clock.during(Promise.all(asked))).toEqual(['x,x', 'y,y']);
    await settled();
    expect(letters).toEqual([]);
    for (const each of [one, two]) expect(await ask(each, 'most-at-once')).toMatch(/^[23]$/);
    await expect.poll(() => runtime.messages).toMatchObject({ inFlight: 0, openRequests: 0 });
  });

  it('send what their own turns send, whichever turn ran before', async () => {
    // A message may cause another, and that one none.
    const { clock, load, ask } = await scene({ maxHops: 1 });
    const [asker, between] = [await load(), await load()];
    await load();
    const question = 'ask quiet demo/actor/3';
    const through = (): Promise<unknown> =>
      clock.during(ask(asker, `ask ${question.replaceAll(' ', '+')} demo/actor/2`));
    // Beside a turn of the embedder's message, and beside one of an actor's.
    const waiting = ask(between, 'sleep 60000 a');
    await settled();
    expect(await through()).toMatch(/^!.*DeliveryFailed/);
    const caused = ask(asker, 'ask sleep+60000+b demo/actor/2');
    await settled();
    expect(await clock.during(ask(between, question))).toBe('');
    void Promise.all([waiting, caused]);
  });

  it('may ask their own actor while it has a place, and are told of a deadlock where it has none', async () => {
    const { load, ask } = await scene();
    const self = 'demo/actor/1';
    const actor = await load({ concurrency: 2 });
    expect(await ask(actor, `ask echo+me ${self}`)).toBe('me');
    const both = [1, 2].map(() => ask(actor, `ask echo+me ${self}`));
    const answers = (await Promise.all(both)) as string[];
    // The second takes the last place and asks: nobody could answer either. It is told so, which gives the first its place.
    expect(answers.filter((each) => /Deadlock|DeliveryFailed|!/.test(each))).toHaveLength(1);
    expect(answers.filter((each) => each === 'me')).toHaveLength(1);
  });

  it('end with an unload, which says how, and are waited for when it drains', async () => {
    const { runtime, clock, load, ask, letters } = await scene();
    const cut = await load();
    const lost = ['a', 'b', 'c', 'd'].map((each) => ask(cut, `sleep 60000 ${each}`));
    await settled();
    await runtime.unload(cut);
    for (const each of lost) expect(['RUNTIME_ABORTED', 'MESSAGING_TARGET_NOT_FOUND']).toContain(code(await each));
    expect(letters).toHaveLength(4);
    expect(runtime.messages).toMatchObject({ deadLettered: 4, inFlight: 0, openRequests: 0 });

    const drained = await load();
    const asked = ['a', 'b', 'c', 'd'].map((each) => ask(drained, `sleep 100 ${each}`));
    await settled();
    const unloading = runtime.unload(drained, { drain: true, timeoutMs: 10_000 });
    expect(code(await ask(drained, 'echo late'))).toBe('MESSAGING_UNAVAILABLE');
    clock.advance(100);
    await settled();
    clock.advance(100);
    expect(await Promise.all(asked)).toEqual(['a', 'b', 'c', 'd']);
    await unloading;
  });

  it('end on the version that they have begun on, and what comes during a replacement meets the next', async () => {
    const { runtime, clock, load, ask } = await scene();
    const actor = await load();
    const before = [ask(actor, 'sleep 100 a'), ask(actor, 'sleep 100 b')];
    await settled();
    const replaced = runtime.replace(actor, ACTOR, { concurrency: 1 });
    // The new version is started, which takes a sleep, and then waits for the turns that run.
    for (let step = 0; step < 20; step++) {
      await settled();
      clock.advance(1);
    }
    const after = ask(actor, 'most-at-once');
    await settled();
    clock.advance(100);
    expect(await Promise.all(before)).toEqual(['a', 'b']);
    await clock.during(replaced);
    expect(await after).toBe('1');
    expect(runtime.components()[0]?.concurrency).toBe(1);
  });

  it('end before a replacement, which does not enter the new version while its first turn waits', async () => {
    const { runtime, clock, load, ask } = await scene();
    const actor = await load();
    const before = ask(actor, 'sleep 100 a');
    await settled();
    const replaced = runtime.replace(actor, ACTOR, { concurrency: 1 });
    for (let step = 0; step < 20; step++) {
      await settled();
      clock.advance(1);
    }
    const after = ask(actor, 'sleep 1000 b');
    await settled();
    clock.advance(100);
    expect(await before).toBe('a');
    await replaced;
    expect(runtime.components()[0]?.concurrency).toBe(1);
    await expect.poll(() => runtime.state(actor)).toBe('waiting');
    clock.advance(1_000);
    expect(await after).toBe('b');
  });
});
