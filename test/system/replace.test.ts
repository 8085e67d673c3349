// Another version of a component takes the place of the one that runs.
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRuntime, type LoadOptions, toResponse } from '../../src/index.ts';
import { actor } from '../../tools/components/actor-wat.ts';
import { adderComponent } from '../../tools/components/adder-component.ts';
import { helloHandler } from '../../tools/components/hello-handler.ts';

async function scene(source: Uint8Array, options: LoadOptions = {}) {
  const runtime = await createRuntime();
  onTestFinished(() => runtime.close());
  const handle = await runtime.load(source, { id: 'demo/service/1', ...options });
  const ask = async (): Promise<string> =>
    (await runtime.fetch(handle, new Request('http://a.example/')).catch(toResponse)).text();
  return { runtime, handle, ask };
}

describe('a component that is replaced', () => {
  it('answers with its new version behind the same handle, and no request is lost meanwhile', async () => {
    const { runtime, handle, ask } = await scene(await helloHandler('old'));
    expect(await ask()).toBe('old');
    const { fuelConsumed } = runtime.usage(handle);
    let replaced = false;
    const replacing = runtime.replace(handle, await helloHandler('new')).then(() => {
      replaced = true;
    });
    const answers: string[] = [];
    while (!replaced) {
      answers.push(...(await Promise.all(Array.from({ length: 10 }, ask))));
      await new Promise(setImmediate);
    }
    await replacing;
    expect(answers.filter((answer) => answer !== 'old' && answer !== 'new')).toEqual([]);
    expect(await ask()).toBe('new');
    expect(runtime.usage(handle).fuelConsumed).toBeGreaterThan(fuelConsumed);
    expect(runtime.state(handle)).toBe('ready');
  });

  it('handles the messages that were sent before, during and after', async () => {
    const { runtime, handle } = await scene(await actor());
    const send = () => runtime.request(handle, Buffer.from('x')).then(() => 1);
    const before = Array.from({ length: 20 }, send);
    const replacing = runtime.replace(handle, await actor());
    const during = Array.from({ length: 20 }, send);
    await replacing;
    const after = Array.from({ length: 20 }, send);
    expect(await Promise.all([...before, ...during, ...after])).toHaveLength(60);
    expect(runtime.usage(handle).messagesHandled).toBe(60);
  });

  it('stays as it is where the new version is none, or may not run, or is gone', async () => {
    const { runtime, handle, ask } = await scene(await helloHandler('old'));
    const nonsense = Buffer.from('nonsense');
    await expect(runtime.replace(handle, nonsense)).rejects.toMatchObject({ code: 'RUNTIME_INVALID_COMPONENT' });
    const small = { limits: { maxMemoryBytes: 1 } };
    await expect(runtime.replace(handle, await helloHandler(), small)).rejects.toMatchObject({
      code: expect.stringMatching(/^(RUNTIME|METERING)_/),
    });
    expect(await ask()).toBe('old');
    await runtime.unload(handle);
    await expect(runtime.replace(handle, await helloHandler())).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  });

  it.each([
    ['traps when it is started', { initialize: '(unreachable)' }],
    ['says that it is unhealthy', { health: '(i32.const 2)' }],
    ['traps when it is asked for its health', { health: '(unreachable)' }],
  ])('goes on where the new version %s', async (_, text) => {
    const { runtime, handle } = await scene(await actor());
    await expect(runtime.replace(handle, await actor(text))).rejects.toMatchObject({
      code: expect.stringMatching(/^RUNTIME_(INSTANTIATION_FAILED|TRAP)$/),
    });
    expect(runtime.state(handle)).toBe('ready');
    expect(await runtime.request(handle, Buffer.from('x'))).toBeDefined();
  });

  it('keeps what it is granted, and may be given other options', async () => {
    const { runtime, handle } = await scene(await helloHandler('old'), { grants: ['storage:read:a'] });
    runtime.grant(handle, 'storage:read:b');
    await runtime.replace(handle, await helloHandler('new'));
    expect(runtime.grants(handle)).toEqual(['storage:read:a', 'storage:read:b']);
    await runtime.replace(handle, await helloHandler('newer'), { grants: ['storage:read:c'] });
    expect(runtime.grants(handle)).toEqual(['storage:read:c']);
  });
});

describe('a new version', () => {
  it('that cannot be called as the one that runs is refused, which then stays', async () => {
    const { runtime, handle, ask } = await scene(await helloHandler('old'));
    const refused = { code: 'RUNTIME_MISSING_EXPORT' };
    await expect(runtime.replace(handle, await adderComponent())).rejects.toMatchObject(refused);
    await expect(runtime.replace(handle, await actor())).rejects.toMatchObject(refused);
    expect(await ask()).toBe('old');
    const told = await runtime.load(await actor());
    await expect(runtime.replace(told, await adderComponent())).rejects.toMatchObject(refused);
    expect(await runtime.request(told, Buffer.from('x'))).toBeDefined();
    // A component that answers neither may become one that does.
    const plain = await runtime.load(await adderComponent());
    await runtime.replace(plain, await helloHandler('new'));
    expect(await (await runtime.fetch(plain, new Request('http://a.example/'))).text()).toBe('new');
  });
});

describe('the list of components', () => {
  it('says what there is, and can be written as JSON', async () => {
    const { runtime, handle, ask } = await scene(await helloHandler());
    await ask();
    const [info, ...others] = runtime.components();
    expect(others).toEqual([]);
    expect(info).toMatchObject({ id: 'demo/service/1', handle, state: 'ready', mailbox: { messages: 0 }, requests: 0 });
    expect(info?.digest).toBe(
      `sha256:${createHash('sha256')
        .update(await helloHandler())
        .digest('hex')}`,
    );
    const shown = JSON.parse(JSON.stringify(info)) as { handle: object; usage: object };
    expect(shown.handle).toEqual({ id: 'demo/service/1', handleId: String(handle.handleId) });
    expect(shown.usage).toMatchObject({ fuelConsumed: expect.stringMatching(/^\d+$/) });
    await runtime.unload(handle);
    expect(runtime.components()).toEqual([]);
  });
});
