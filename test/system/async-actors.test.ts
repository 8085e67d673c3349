import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ComponentHandle, createRuntime, type LoadOptions, type Runtime } from 'vivarium';
import { askingActor, sleepingActor } from '../../tools/components/asking-actor.ts';

const RUST = readFileSync('test/toolchains/components/rust-actor.wasm');
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();

describe('actors of vivarium:actor@0.2.0', () => {
  let runtime: Runtime;
  const logs: string[] = [];
  const failures: string[] = [];
  beforeAll(async () => {
    runtime = await createRuntime({ limits: { maxExecutionTimeMs: 20_000 } });
    runtime.on('log', ({ message }) => logs.push(message));
    runtime.on('state', ({ to, reason }) => {
      if (to === 'failed') failures.push(reason);
    });
  });
  afterAll(() => runtime.close());

  let count = 0;
  const load = (options: LoadOptions = {}): Promise<ComponentHandle> => {
    count += 1;
    return runtime.load(RUST, { id: `async/rust/${count}`, grants: ['messaging:*:**', 'storage:*:**'], ...options });
  };
  const idOf = ({ id }: ComponentHandle): string => `${id.namespace}/${id.name}/${id.instance}`;
  const request = async (to: ComponentHandle, message: string): Promise<string | undefined> =>
    text(await runtime.request(to, Buffer.from(message)));

  it('handle messages, wait, store, and answer errors', async () => {
    const actor = await load();
    expect(await request(actor, 'echo hello there')).toBe('hello there');
    expect(await request(actor, 'quiet')).toBeUndefined();
    expect(await request(actor, 'sleep 5 later')).toBe('later');
    await request(actor, 'set colour red');
    expect(await request(actor, 'get colour')).toBe('red');
    await expect(request(actor, 'fail enough')).rejects.toMatchObject({ code: 'RUNTIME_COMPONENT_ERROR' });
    expect(await request(actor, 'echo still here')).toBe('still here');
    expect(runtime.usage(actor)).toMatchObject({ messagesHandled: 6, calls: 'direct' });
    expect(runtime.usage(actor).fuelConsumed).toBeGreaterThan(0n);
  });

  it('wait for several answers side by side, of old actors and of new ones', async () => {
    const old = await runtime.load(await sleepingActor(40), { id: 'async/old/sleeper' });
    const [asker, other] = [await load(), await load()];
    const targets = [idOf(old), idOf(other), 'async/no/body'].join(' ');
    const answers = await request(asker, `ask sleep+40+z ${targets}`);
    expect(answers).toMatch(/^sleep 40 z,z,!MessagingError::TargetNotFound/);
    const asking = await runtime.load(await askingActor('async', 'rust', String(count)), {
      id: 'async/old/asker',
      grants: ['messaging:*:**'],
    });
    expect(await request(asking, 'sleep 1 of the old one')).toBe('of the old one');
  });

  it('give up a question, which is open no longer, and whose answer is dropped', async () => {
    const [asker, other] = [await load(), await load()];
    const { cancelled, openRequests } = runtime.metrics().messages;
    expect(await request(asker, `ask-within 5 ${idOf(other)} sleep+60000+x`)).toBe('too late');
    expect(runtime.metrics().messages).toMatchObject({ cancelled: cancelled + 1, openRequests });
    expect(await request(asker, 'echo on')).toBe('on');
    await runtime.unload(other, { timeoutMs: 1 });
  });

  it('get the answers of requests in later turns', async () => {
    const [asker, other] = [await load(), await load()];
    await request(asker, `request ${idOf(other)} echo+hi`);
    await request(asker, `send ${idOf(other)} set greeting hello`);
    await expect.poll(() => request(asker, 'get callback')).toBe('hi');
    expect(await request(other, 'get greeting')).toBe('hello');
  });

  it('let no second message in while one waits', async () => {
    const actor = await load();
    const all = ['a', 'b', 'c'].map((each) => request(actor, `sleep 5 ${each}`));
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c']);
    expect(await request(actor, 'most-at-once')).toBe('1');
  });

  it('answer before their turn ends, which lasts as long as their task', async () => {
    const actor = await load();
    expect(await request(actor, 'then 20 afterwards')).toBe('answered');
    expect(await request(actor, 'echo next')).toBe('next');
    // The next message had to wait for what came after the answer.
    expect(logs).toContain('afterwards');
    expect(runtime.usage(actor).messagesHandled).toBe(2);
    expect(runtime.messages.lateReplies).toBe(0);
    expect(await request(actor, 'then 60000 never')).toBe('answered');
    expect(runtime.state(actor)).toBe('waiting');
    await runtime.unload(actor, { timeoutMs: 1 });
  });

  it.each([
    ['computes for ever', 'then 0 spin', { maxFuel: 5_000_000n }, /METERING_OUT_OF_FUEL/],
    ['waits for ever', 'then 0 for-ever', { maxTurnTimeMs: 50 }, /RUNTIME_TURN_TIMEOUT/],
    ['traps', 'then 0 trap', {}, /RUNTIME_TRAP/],
  ])('end by the bounds of the turn when what comes after the answer %s', async (_, message, limits, reason) => {
    const actor = await load({ limits, supervision: { restart: 'permanent', maxAttempts: 3 } });
    const { deadLettered } = runtime.messages;
    expect(await request(actor, message)).toBe('answered');
    // The message was answered, so it is neither begun again nor a dead letter. The next one meets a fresh instance.
    expect(await request(actor, 'most-at-once')).toBe('1');
    expect(failures.at(-1)).toMatch(reason);
    expect(runtime.messages.deadLettered).toBe(deadLettered);
  });

  it('shut down, say their health and their metadata', async () => {
    const actor = await load({ supervision: { restart: 'permanent', health: { everyMs: 10_000 } } });
    expect(await runtime.call(actor, 'lifecycle#health')).toBe('healthy');
    await runtime.replace(actor, RUST);
    expect(runtime.components().find(({ handle }) => handle === actor)?.version).toBe('1.0.0');
    await runtime.unload(actor);
    expect(logs).toContain('shut down');
  });

  it('end while they wait, when they are unloaded', async () => {
    const actor = await load();
    const answer = request(actor, 'sleep 60000 never');
    await expect.poll(() => runtime.state(actor)).toBe('waiting');
    await runtime.unload(actor, { timeoutMs: 1 });
    await expect(answer).rejects.toThrow();
  });
});
