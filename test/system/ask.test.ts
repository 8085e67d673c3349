import { setImmediate as nextStep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type ComponentHandle, createRuntime, type Runtime, type RuntimeOptions } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { askingActor, sleepingActor } from '../../tools/components/asking-actor.ts';

const open: Runtime[] = [];
afterEach(async () => {
  for (const runtime of open.splice(0)) await runtime.close();
});

async function started(options: RuntimeOptions = {}): Promise<Runtime> {
  const runtime = await createRuntime(options);
  open.push(runtime);
  return runtime;
}

const polled = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 300_000, interval: 1 });
const bytes = (text: string): Uint8Array => Buffer.from(text);
const grants = ['messaging:*:demo/*/*'];
const ask = async (runtime: Runtime, handle: ComponentHandle, text: string): Promise<string> =>
  Buffer.from((await runtime.request(handle, bytes(text), { timeoutMs: 20_000 })) ?? []).toString();

describe.each(['preemptive', 'cooperative'] as const)('ask, %s', (scheduling) => {
  it("gives the guest another's answer within its turn, through a chain of actors", async () => {
    const runtime = await started({ scheduling });
    await runtime.load(await actor(), { id: 'demo/echo/1' });
    await runtime.load(await askingActor('demo', 'echo', '1'), { id: 'demo/middle/1', grants });
    const first = await runtime.load(await askingActor('demo', 'middle', '1'), { id: 'demo/first/1', grants });
    expect(await ask(runtime, first, 'hello')).toBe('hello');
    expect(runtime.state(first)).toBe('ready');
  });

  it('tells the guest why there is no answer: nobody there, not granted, failed, too late', async () => {
    const runtime = await started({ scheduling });
    const nobody = await runtime.load(await askingActor('demo', 'gone', '1'), { id: 'demo/a/1', grants });
    expect(await ask(runtime, nobody, 'x')).toMatch(/^!.*demo\/gone\/1/s);
    const refused = await runtime.load(await askingActor('demo', 'a', '1'), { id: 'demo/b/1' });
    expect(await ask(runtime, refused, 'x')).toMatch(/^!.*grant/s);
    await runtime.load(await actor({ handleMessage: 'unreachable' }), { id: 'demo/traps/1' });
    const failed = await runtime.load(await askingActor('demo', 'traps', '1'), { id: 'demo/c/1', grants });
    expect(await ask(runtime, failed, 'x')).toMatch(/^!.*trap/s);
    await runtime.load(await sleepingActor(10_000), { id: 'demo/sleeps/1' });
    const late = await runtime.load(await askingActor('demo', 'sleeps', '1', 20), { id: 'demo/d/1', grants });
    expect(await ask(runtime, late, 'x')).toMatch(/^!.*20 ms/s);
  });

  it('ends circles at once, and names them', async () => {
    const runtime = await started({ scheduling });
    const itself = await runtime.load(await askingActor('demo', 'self', '1', 60_000), { id: 'demo/self/1', grants });
    expect(await ask(runtime, itself, 'x')).toMatch(/^!.*demo\/self\/1.*demo\/self\/1/s);
    const one = await runtime.load(await askingActor('demo', 'two', '1', 60_000), { id: 'demo/one/1', grants });
    await runtime.load(await askingActor('demo', 'one', '1', 60_000), { id: 'demo/two/1', grants });
    expect(await ask(runtime, one, 'x')).toMatch(/^!.*demo\/(one|two)\/1/s);
  });

  it('is refused beyond the hops that a chain may have, and the actors before go on', async () => {
    const runtime = await started({ scheduling, messaging: { maxHops: 4 } });
    const handles = [await runtime.load(await actor(), { id: 'demo/a0/1' })];
    for (let hops = 1; hops <= 6; hops++) {
      const component = await askingActor('demo', `a${hops - 1}`, '1');
      handles.push(await runtime.load(component, { id: `demo/a${hops}/1`, grants }));
    }
    const answers = [];
    for (const handle of handles) answers.push(await ask(runtime, handle, 'x'));
    expect(answers.slice(0, 5)).toEqual(['x', 'x', 'x', 'x', 'x']);
    for (const refused of answers.slice(5)) expect(refused).toMatch(/^!.*hop 5 of a chain.*at most 4/s);
    expect(handles.map((handle) => runtime.state(handle))).toEqual(handles.map(() => 'ready'));
  });

  it('ends when the one that is asked is unloaded', async () => {
    const runtime = await started({ scheduling });
    const sleeps = await runtime.load(await sleepingActor(60_000), { id: 'demo/sleeps/1' });
    const asks = await runtime.load(await askingActor('demo', 'sleeps', '1', 60_000), { id: 'demo/asks/1', grants });
    const answer = ask(runtime, asks, 'x');
    await polled(() => expect(runtime.state(asks)).toBe('waiting'));
    await runtime.unload(sleeps);
    expect(await answer).toMatch(/^!/);
  });
});

describe('sleep-millis', () => {
  it('suspends two hundred turns at once, and holds nobody up', async () => {
    const runtime = await started();
    const component = await sleepingActor(1);
    const echo = await runtime.load(await actor(), { id: 'demo/echo/1' });
    const handles: ComponentHandle[] = [];
    for (let index = 0; index < 200; index++) handles.push(await runtime.load(component, { id: `demo/s/${index}` }));
    const all = handles.map((handle) => ask(runtime, handle, 'x'.repeat(30)));
    await nextStep();
    expect(await ask(runtime, echo, 'at once')).toBe('at once');
    expect(await Promise.all(all)).toEqual(handles.map(() => 'x'.repeat(30)));
    expect(runtime.usage(handles[0] as ComponentHandle).waitingMs).toBeGreaterThanOrEqual(29);
  });

  it('ends with the turn when it is longer than a turn may be', async () => {
    const runtime = await started();
    const limits = { maxTurnTimeMs: 20 };
    const sleeps = await runtime.load(await sleepingActor(60_000), { id: 'demo/sleeps/1', limits });
    await expect(ask(runtime, sleeps, 'x')).rejects.toMatchObject({ code: 'RUNTIME_TURN_TIMEOUT' });
    expect(runtime.state(sleeps)).toBe('failed');
  });

  it('lets the runtime close', async () => {
    const runtime = await started();
    const sleeps = await runtime.load(await sleepingActor(60_000), { id: 'demo/sleeps/1' });
    const ended = expect(ask(runtime, sleeps, 'x')).rejects.toMatchObject({ code: 'RUNTIME_CLOSED' });
    await polled(() => expect(runtime.state(sleeps)).toBe('waiting'));
    await runtime.close();
    await ended;
  });
});
